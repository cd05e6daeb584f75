"""How many images DDS delivers on this machine between two processes, and how late.

One process sends, one takes the time (:mod:`delivery_roles`), in a ROS domain of their own; once
for every Fast DDS profile that is compared.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from convlstm_perception.benchmark.timing import Timing
from convlstm_perception.demo.processes import (
    Child,
    ChildError,
    free_domain,
    isolated_environment,
)
from convlstm_perception.ros.dds_facts import PROFILE_VARIABLES, DdsFacts

ProfileName = Literal["in force", "shipped", "default"]

RATE = 30.0  # images a second
SENT = "sent "  # the sender's line after a stream, before its topic
_PATIENCE = 30.0  # seconds beyond the streams themselves: start, discovery, a blocked publisher
_POLL = 0.1  # seconds
# Each would carry the measurement into another graph, or change Fast DDS's defaults.
_DISTURBING = ("ROS_STATIC_PEERS", "ROS_DISCOVERY_SERVER", "FASTDDS_BUILTIN_TRANSPORTS")


@dataclass(frozen=True)
class Stream:
    """Images of one size, bgr8, with one reliability.

    Attributes:
        width, height: in pixels.
        reliable: else best effort.
    """

    width: int
    height: int
    reliable: bool

    @property
    def topic(self) -> str:
        """Of the stream."""
        return f"delivery/image_{self.width}x{self.height}_{self.reliability}"

    @property
    def reliability(self) -> str:
        """As QoS names it."""
        return "reliable" if self.reliable else "best_effort"


STREAMS = tuple(
    Stream(*size, reliable) for size in ((1280, 720), (1920, 1080)) for reliable in (False, True)
)


@dataclass(frozen=True)
class Delivery:
    """What came of one stream.

    Attributes:
        profiles: the Fast DDS profiles that this holds for; several where they are the same.
        stream: that was sent.
        published, received: images.
        delay: from publication to the subscriber's callback; None where nothing came.
    """

    profiles: tuple[ProfileName, ...]
    stream: Stream
    published: int
    received: int
    delay: Timing | None

    @property
    def share(self) -> float:
        """Of the published images that were received."""
        return self.received / self.published


def environments(
    facts: DdsFacts, inherited: Mapping[str, str]
) -> dict[tuple[ProfileName, ...], dict[str, str]]:
    """The environments to measure in; profiles that are the same share one.

    Args:
        facts: of this machine.
        inherited: the environment of this process.

    Returns:
        The profiles' names to the whole environment, but for the ROS domain.
    """
    in_force = {name: value for name, value in inherited.items() if name not in _DISTURBING[:2]}
    if not facts.is_fast_dds:
        return {("in force",): in_force}
    dropped = (*_DISTURBING, *PROFILE_VARIABLES)
    default = {name: value for name, value in inherited.items() if name not in dropped}
    default["SKIP_DEFAULT_XML_FILE"] = "1"  # a profile in the working folder
    found: dict[tuple[ProfileName, ...], dict[str, str]] = {}
    changed = "FASTDDS_BUILTIN_TRANSPORTS" in inherited
    if facts.profile is None and not changed:
        found["in force", "default"] = default
    elif facts.shipped_in_force and not changed:
        found["in force", "shipped"] = in_force
    else:
        found["in force",] = in_force
    if facts.shipped is not None and not any("shipped" in names for names in found):
        shipped = dict.fromkeys(PROFILE_VARIABLES, str(facts.shipped))
        found["shipped",] = {**default, **shipped}
    if not any("default" in names for names in found):
        found["default",] = default
    return found


def measure(
    facts: DdsFacts,
    seconds: float,
    advance: Callable[[], None],
    streams: Sequence[Stream] = STREAMS,
) -> tuple[Delivery, ...]:
    """Send every stream in every environment.

    Args:
        facts: of this machine.
        seconds: of each stream.
        advance: called after each stream.
        streams: to send.

    Raises:
        ChildError: a process ended early, or the two did not find each other.
    """
    deliveries: list[Delivery] = []
    for names, environment in environments(facts, os.environ).items():
        with tempfile.TemporaryDirectory() as folder:
            sent, heard = _run(Path(folder), environment, seconds, streams, advance)
        deliveries += [
            _delivery(names, stream, sent[stream.topic], heard[stream.topic]) for stream in streams
        ]
    return tuple(deliveries)


def _run(
    folder: Path,
    environment: Mapping[str, str],
    seconds: float,
    streams: Sequence[Stream],
    advance: Callable[[], None],
) -> tuple[dict[str, list[int]], dict[str, list[tuple[int, int]]]]:
    """Stamps that were sent, and stamps and times that came, by topic; monotonic nanoseconds."""
    # No profile: where one is wanted, it is in the environment.
    whole = {**environment, **isolated_environment(free_domain(), None)}
    outputs = [folder / f"{role}.json" for role in ("send", "receive")]
    words = [f"{s.width}x{s.height}:{s.reliability}" for s in streams]
    sender, receiver = (
        Child(
            f"process that is to {output.stem} images",
            [sys.executable, "-m", "convlstm_perception.ros.delivery_roles", output.stem]
            + [str(output), "--seconds", str(seconds), "--streams", *words],
            folder / f"{output.stem}.log",
            whole,
        )
        for output in outputs
    )
    patience = _PATIENCE + len(streams) * 2 * seconds
    deadline = time.monotonic() + patience
    with sender, receiver:
        told = 0
        while sender.exit_code is None:
            receiver.check_running()
            told = _tell(sender, told, advance)
            if time.monotonic() > deadline:
                raise ChildError(
                    f"the measurement took longer than {patience:.0f} s. The last lines of the "
                    "sender:\n" + "\n".join(sender.last_lines())
                )
            time.sleep(_POLL)
        if sender.exit_code != 0:
            sender.check_running()
        _tell(sender, told, advance)
        receiver.stop()
        if receiver.exit_code != 0:
            receiver.check_running()
    sent, heard = (json.loads(output.read_text()) for output in outputs)
    return sent, heard


def _tell(sender: Child, told: int, advance: Callable[[], None]) -> int:
    """Advance once for each stream that the sender has newly finished."""
    finished = sum(line.startswith(SENT) for line in sender.last_lines(1000))
    for _ in range(finished - told):
        advance()
    return finished


def _delivery(
    names: tuple[ProfileName, ...],
    stream: Stream,
    sent: Sequence[int],
    heard: Iterable[tuple[int, int]],
) -> Delivery:
    arrivals = dict(heard)
    delays = [(arrivals[stamp] - stamp) / 1e9 for stamp in sent if stamp in arrivals]
    return Delivery(names, stream, len(sent), len(delays), Timing.of(delays) if delays else None)
