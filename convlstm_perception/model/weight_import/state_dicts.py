"""Reading the ``state_dict`` of another library's network, key by key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count

from torch import Tensor

from convlstm_perception.errors import WeightImportError


class StateDictReader:
    """The part of a ``state_dict`` that belongs to one ConvLSTM.

    Args:
        state_dict: of the network that holds the ConvLSTM, or of a checkpoint in which it stands
            under ``"state_dict"``, as Lightning writes it.
        library: whose ConvLSTM is looked for, for errors.
        first_key: a key that every such ConvLSTM has in its first layer.
        prefix: what stands before the ConvLSTM's own keys; None finds it, where only one fits.

    Raises:
        WeightImportError: no ConvLSTM of this library is in it, or several and no ``prefix``.
    """

    def __init__(
        self,
        state_dict: Mapping[str, object],
        library: str,
        first_key: str,
        prefix: str | None,
    ) -> None:
        inner = state_dict.get("state_dict")
        entries = inner if isinstance(inner, Mapping) else state_dict
        self._tensors = {key: value for key, value in entries.items() if isinstance(value, Tensor)}
        found = [
            key.removesuffix(first_key)
            for key in self._tensors
            if key == first_key or key.endswith(f".{first_key}")
        ]
        if prefix is None and len(found) > 1:
            raise WeightImportError(
                f"{len(found)} ConvLSTMs of {library}, under {', '.join(map(repr, found))}; name "
                "the one meant by prefix="
            )
        if not found or prefix not in (None, *found):
            keys = ", ".join(list(self._tensors)[:4]) or "none"
            raise WeightImportError(
                f"no ConvLSTM of {library}: its first layer has {(prefix or '') + first_key!r}; "
                f"the keys here are {keys}{', ...' if len(self._tensors) > 4 else ''}"
            )
        self.prefix = found[0] if prefix is None else prefix
        self._unread = {key for key in self._tensors if key.startswith(self.prefix)}

    def __contains__(self, key: str) -> bool:
        return self.prefix + key in self._tensors

    def take(self, key: str) -> Tensor:
        """The tensor of a key, without its prefix.

        Raises:
            WeightImportError: there is none.
        """
        if key not in self:
            raise WeightImportError(f"{self.prefix + key}: missing")
        self._unread.discard(self.prefix + key)
        return self._tensors[self.prefix + key].detach()

    def layers(self, first_key: str) -> Iterator[int]:
        """Numbers of the layers, from 0; ``first_key`` has a ``{}`` where the number stands."""
        for number in count():
            if first_key.format(number) not in self:
                return
            yield number

    def finish(self, start: str) -> None:
        """Make sure that nothing of the layers was left unread.

        Args:
            start: of the layers' keys. Others may belong to the network around the ConvLSTM.

        Raises:
            WeightImportError: something was.
        """
        left = sorted(key for key in self._unread if key.startswith(self.prefix + start))
        if left:
            raise WeightImportError(
                f"weights that the ConvLSTM of this library does not have: {', '.join(left)}; was "
                "it changed?"
            )
