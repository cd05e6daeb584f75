"""Transforms between frames over time: what is needed of TF where there is no tf2.

Semantics are tf2's (Foote 2013, "tf: The transform library"): every frame has one parent, static
transforms hold at all times, others are interpolated between their stamps and never extrapolated,
but for a tolerance that the asker names.
"""

from __future__ import annotations

import bisect
import threading
from dataclasses import dataclass, field
from typing import Protocol

from convlstm_perception.errors import TransformError
from convlstm_perception.geometry.rigid_transform import RigidTransform
from convlstm_perception.types import NANOSECONDS_PER_SECOND

_HISTORY = 10.0  # seconds, as tf2
_DEEPEST = 100  # frames from a frame to its root; more is a loop


class TransformSource(Protocol):
    """Knows how frames stand to each other."""

    def lookup(
        self, target: str, source: str, stamp_ns: int, tolerance: float = 0.0
    ) -> RigidTransform:
        """Take points of ``source`` to ``target`` at a time.

        Args:
            target, source: frames.
            stamp_ns: the time.
            tolerance: seconds by which the newest transform may be older.

        Raises:
            TransformError: when it is not known, with the frame that lacks it.
        """
        ...


@dataclass
class _Link:
    """From a frame to its parent."""

    parent: str
    static: RigidTransform | None = None
    stamps: list[int] = field(default_factory=list)
    transforms: list[RigidTransform] = field(default_factory=list)


class TransformBuffer:
    """Holds the transforms of the last ten seconds. Any thread may call it."""

    def __init__(self) -> None:
        self._links: dict[str, _Link] = {}
        self._lock = threading.Lock()

    def set_static(self, parent: str, child: str, transform: RigidTransform) -> None:
        """A transform from ``child`` to ``parent`` that always holds."""
        with self._lock:
            self._links[_bare(child)] = _Link(_bare(parent), transform)

    def set(self, parent: str, child: str, stamp_ns: int, transform: RigidTransform) -> None:
        """A transform from ``child`` to ``parent`` at a time."""
        child, parent = _bare(child), _bare(parent)
        with self._lock:
            link = self._links.get(child)
            if link is None or link.parent != parent or link.static is not None:
                link = self._links[child] = _Link(parent)
            history = round(_HISTORY * NANOSECONDS_PER_SECOND)
            if link.stamps and stamp_ns < link.stamps[-1] - history:
                # The clock was set back, as where a bag begins anew.
                link.stamps.clear()
                link.transforms.clear()
            place = bisect.bisect_left(link.stamps, stamp_ns)
            if place < len(link.stamps) and link.stamps[place] == stamp_ns:
                link.transforms[place] = transform
            else:
                link.stamps.insert(place, stamp_ns)
                link.transforms.insert(place, transform)
            old = bisect.bisect_left(link.stamps, link.stamps[-1] - history)
            del link.stamps[:old], link.transforms[:old]

    def lookup(
        self, target: str, source: str, stamp_ns: int, tolerance: float = 0.0
    ) -> RigidTransform:
        """As :class:`TransformSource`."""
        target, source = _bare(target), _bare(source)
        for name, frame in (("target", target), ("source", source)):
            if not frame:
                raise TransformError(f"the {name} frame has no name; set the images' frame_id")
        with self._lock:
            up, down = self._ancestors(source), self._ancestors(target)
            shared = next((frame for frame in up if frame in down), None)
            if shared is None:
                raise TransformError(self._unconnected(target, source))
            tolerance_ns = round(tolerance * NANOSECONDS_PER_SECOND)
            forward = self._chain(up[: up.index(shared)], stamp_ns, tolerance_ns)
            backward = self._chain(down[: down.index(shared)], stamp_ns, tolerance_ns)
        if backward is None:
            return forward or RigidTransform.identity()
        return backward.inverse() @ forward if forward else backward.inverse()

    def _ancestors(self, frame: str) -> list[str]:
        """A frame, its parent, and so on."""
        frames = [frame]
        while (link := self._links.get(frames[-1])) is not None:
            frames.append(link.parent)
            if len(frames) > _DEEPEST:
                raise TransformError(f"frame {frame!r} is its own ancestor; check who publishes TF")
        return frames

    def _chain(self, frames: list[str], stamp_ns: int, tolerance_ns: int) -> RigidTransform | None:
        whole: RigidTransform | None = None
        for frame in frames:
            step = _at(self._links[frame], frame, stamp_ns, tolerance_ns)
            # A single step stays as it is, to the bit: a recorded transform is the one used.
            whole = step if whole is None else step @ whole
        return whole

    def _unconnected(self, target: str, source: str) -> str:
        known = self._links.keys() | {link.parent for link in self._links.values()}
        unknown = [frame for frame in (target, source) if frame not in known]
        if unknown:
            return (
                f"no transform from {source!r} to {target!r}: nobody publishes frame "
                f"{' or '.join(map(repr, unknown))} on /tf or /tf_static"
            )
        return f"no transform from {source!r} to {target!r}: TF holds both, and nothing links them"


def too_late(source: str, target: str, seconds: float) -> str:
    """What is wrong where the newest transform is so many seconds older than an image."""
    return (
        f"the newest transform of {source!r} to {target!r} is {seconds:.3f} s older than the "
        "image; raise transform_tolerance, or check that TF is published and the clocks agree"
    )


def _at(link: _Link, frame: str, stamp_ns: int, tolerance_ns: int) -> RigidTransform:
    if link.static is not None:
        return link.static
    place = bisect.bisect_left(link.stamps, stamp_ns)
    if place == len(link.stamps):
        late = stamp_ns - link.stamps[-1]
        if late <= tolerance_ns:
            return link.transforms[-1]
        raise TransformError(too_late(frame, link.parent, late / NANOSECONDS_PER_SECOND))
    if link.stamps[place] == stamp_ns:
        return link.transforms[place]
    if place == 0:
        early = (link.stamps[0] - stamp_ns) / NANOSECONDS_PER_SECOND
        raise TransformError(
            f"the oldest transform of {frame!r} to {link.parent!r} is {early:.3f} s newer than the "
            "image; check that the clocks agree"
        )
    before, after = link.stamps[place - 1], link.stamps[place]
    share = (stamp_ns - before) / (after - before)
    return link.transforms[place - 1].towards(link.transforms[place], share)


def _bare(frame: str) -> str:
    """As tf2 has it: without the leading slash of tf's old names."""
    return frame.removeprefix("/")
