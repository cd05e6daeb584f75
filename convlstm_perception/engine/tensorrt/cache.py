"""Files that took long to make, kept under the facts that they were made of."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from convlstm_perception.engine.settings import BuildPolicy
from convlstm_perception.engine.tensorrt.sealed_file import (
    DamagedFileError,
    SealedFile,
    locked,
    read_sealed,
    write_sealed,
)
from convlstm_perception.errors import EngineError

Facts = Mapping[str, str | int]
_DIGITS = 20
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CacheKey:
    """What a file is and what it was made of.

    Attributes:
        name: readable start of the file's name, as ``encoder-fp16-sm89``.
        suffix: end of the file's name, as ``.engine``.
        facts: everything on which its content depends.
    """

    name: str
    suffix: str
    facts: Facts

    @property
    def file_name(self) -> str:
        """Name of its file: with other facts it is another file."""
        facts = json.dumps(dict(self.facts), sort_keys=True).encode()
        return f"{self.name}-{hashlib.sha256(facts).hexdigest()[:_DIGITS]}{self.suffix}"


@dataclass(frozen=True)
class CacheEntry:
    """A file of the cache, read and found whole.

    Attributes:
        path: the file.
        content: what is in it, without the key's facts.
        fresh: whether it was made just now.
    """

    path: Path
    content: SealedFile
    fresh: bool


class BuildCache:
    """A folder of sealed files; any number of processes may share it.

    A file is only ever taken when it is whole and its facts are those asked for; anything else is
    made anew, with a warning. The folder may be emptied at any time.

    Args:
        folder: of the files; :func:`default_cache_folder` when None. It is made when needed.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or default_cache_folder()

    def path(self, key: CacheKey) -> Path:
        """Where the file of a key is, or would be."""
        return self.folder / key.file_name

    def lookup(self, key: CacheKey) -> CacheEntry | None:
        """The file of a key, or None where there is none that can be trusted.

        Raises:
            EngineError: when there is one that cannot be read.
        """
        entry, fault = self._read(key)
        if fault:
            _logger.warning("%s: %s; it will not be used", self.path(key), fault)
        return entry

    def store(self, key: CacheKey, content: SealedFile) -> CacheEntry:
        """Write the file of a key, in the place of one that is there.

        Raises:
            EngineError: when it cannot be written.
        """
        with self._locked(key):
            return self._write(key, content)

    def get_or_build(
        self,
        key: CacheKey,
        build: Callable[[], SealedFile],
        policy: BuildPolicy = "if_missing",
        mend: str = "",
    ) -> CacheEntry:
        """The file of a key, made when it is missing.

        When two processes ask at once, one of them makes it and the other waits for it.

        Args:
            key: of the file.
            build: makes its content.
            policy: ``never`` refuses to make it.
            mend: what to do when it is missing and may not be made.

        Raises:
            EngineError: when it is missing under ``never``, or cannot be read or written.
        """
        entry = self.lookup(key)
        if entry is not None:
            return entry
        if policy == "never":
            raise EngineError(
                f"{self.path(key)}: no usable file is there, and it may not be built. {mend}"
            )
        with self._locked(key):
            entry, _ = self._read(key)
            if entry is not None:  # another process made it meanwhile
                return entry
            self._tell_of_stale(key)
            return self._write(key, build())

    def _read(self, key: CacheKey) -> tuple[CacheEntry | None, str]:
        """The file of a key, or what is wrong with it; neither where there is no file."""
        path = self.path(key)
        try:
            content = read_sealed(path)
        except FileNotFoundError:
            return None, ""
        except DamagedFileError as error:
            return None, f"damaged: {error}"
        except OSError as error:
            raise EngineError(
                f"{path}: cannot be read ({error.strerror}); make it readable, or delete it"
            ) from error
        notes = dict(content.notes)
        difference = _difference(notes.pop("facts", {}), key.facts)
        if difference:
            return None, f"stale: {difference}"
        return CacheEntry(path, SealedFile(notes, content.payload), fresh=False), ""

    def _write(self, key: CacheKey, content: SealedFile) -> CacheEntry:
        path = self.path(key)
        sealed = SealedFile({**content.notes, "facts": dict(key.facts)}, content.payload)
        try:
            write_sealed(path, sealed)
        except OSError as error:
            raise self._unusable(error) from error
        return CacheEntry(path, content, fresh=True)

    def _tell_of_stale(self, key: CacheKey) -> None:
        for path in sorted(self.folder.glob(f"{key.name}-{'?' * _DIGITS}{key.suffix}")):
            if path == self.path(key):
                continue
            try:
                facts = read_sealed(path).notes.get("facts", {})
            except (DamagedFileError, OSError):
                continue
            _logger.warning("%s: stale: %s; building anew", path, _difference(facts, key.facts))

    @contextmanager
    def _locked(self, key: CacheKey) -> Iterator[None]:
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(self.path(key)))
            except OSError as error:
                raise self._unusable(error) from error
            yield

    def _unusable(self, error: OSError) -> EngineError:
        return EngineError(
            f"{self.folder}: built files cannot be kept there ({error.strerror}). Make room, or "
            "make it writable, or name another folder (--cache, or the parameter 'engine_cache')."
        )


def default_cache_folder() -> Path:
    """``convlstm_perception/engines`` in the user's cache folder."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "convlstm_perception" / "engines"


def _difference(found: Facts, wanted: Facts) -> str:
    """The facts that are not as wanted, for a message; empty when all are."""
    names = sorted({*found, *wanted})
    return ", ".join(
        f"its {name} is {_short(found.get(name))}, not {_short(wanted.get(name))}"
        for name in names
        if found.get(name) != wanted.get(name)
    )


def _short(fact: str | int | None) -> str:
    text = str(fact)
    return text if len(text) <= 32 else f"{text[:12]}..."
