"""What ``convlstm-perception doctor --dds`` prints: the delivery of images, and the mends."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from convlstm_perception import __version__
from convlstm_perception.ros.dds_facts import DdsFacts, find_facts
from convlstm_perception.ros.dds_mends import find_mends, find_notes, is_short
from convlstm_perception.ros.delivery import STREAMS, Delivery, environments, measure


def run(seconds: float, *, as_json: bool) -> int:
    """Measure and print: 0 when the images arrive with the profile in force, else 1.

    Args:
        seconds: of each measurement.
        as_json: print JSON, and nothing else, on standard output.
    """
    facts = find_facts(os.environ, Path.cwd())
    with Progress(console=Console(stderr=True), transient=True) as progress:
        total = len(STREAMS) * len(environments(facts, os.environ))
        task = progress.add_task("sending images", total=total)
        deliveries = measure(facts, seconds, lambda: progress.advance(task))
    mends = find_mends(facts, deliveries)
    notes = find_notes(facts, mends)
    if as_json:
        print(json.dumps(to_json(facts, deliveries, mends, notes), indent=2))
    else:
        show(facts, deliveries, mends, notes)
    return 1 if mends else 0


def to_json(
    facts: DdsFacts, deliveries: Sequence[Delivery], mends: Sequence[str], notes: Sequence[str]
) -> dict[str, Any]:
    """What was found, as scalars, lists and maps."""
    return {
        "version": __version__,
        "dds": _plain(asdict(facts)),
        "deliveries": [
            {
                "profiles": delivery.profiles,
                "width": delivery.stream.width,
                "height": delivery.stream.height,
                "reliability": delivery.stream.reliability,
                "published": delivery.published,
                "received": delivery.received,
                "share": round(delivery.share, 4),
                "p50_ms": delivery.delay and delivery.delay.p50,
                "p99_ms": delivery.delay and delivery.delay.p99,
            }
            for delivery in deliveries
        ],
        "problems": list(mends),
        "notes": list(notes),
        "usable": not mends,
    }


def show(
    facts: DdsFacts, deliveries: Sequence[Delivery], mends: Sequence[str], notes: Sequence[str]
) -> None:
    """Print what was found, and below it what to do."""
    console = Console(highlight=False, markup=False)
    about = Table(box=box.SIMPLE, show_header=False)
    about.add_column(no_wrap=True)
    about.add_column(overflow="fold")
    about.add_row("RMW", facts.rmw)
    about.add_row("profile in force", str(facts.profile.path) if facts.profile else "none")
    about.add_row("shipped profile", str(facts.shipped or "not installed"))
    memory = facts.shared_memory
    if memory:
        room = f"{memory.free >> 20} MiB free of {memory.total >> 20}"
        stale = f", {memory.stale_segments} stale segments with {memory.stale_bytes >> 20} MiB"
        about.add_row("/dev/shm", room + (stale if memory.stale_segments else ""))
    else:
        about.add_row("/dev/shm", "not there")
    about.add_row("net.core.rmem_max, wmem_max", f"{facts.receive_limit}, {facts.send_limit}")
    console.print(about)

    measured = Table(box=box.SIMPLE)
    measured.add_column("profile")
    for title in ("30 Hz", "QoS", "arrived", "p50 ms", "p99 ms"):
        measured.add_column(title, justify="right" if "ms" in title else "left", no_wrap=True)
    for delivery in deliveries:
        stream, delay = delivery.stream, delivery.delay
        arrived = f"{delivery.received} of {delivery.published}"
        measured.add_row(
            ", ".join(delivery.profiles),
            f"{stream.width}x{stream.height}",
            stream.reliability.replace("_", " "),
            f"{arrived}, short" if is_short(delivery) else arrived,
            f"{delay.p50:.1f}" if delay else "-",
            f"{delay.p99:.1f}" if delay else "-",
        )
    console.print(measured)
    # Not through the console, which would break the lines of commands.
    for mend in mends:
        print(f"Problem: {mend}")
    for note in notes:
        print(f"Note: {note}")
    if not mends:
        print("Images arrive with the profile in force.")


def _plain(value: Any) -> Any:
    """Paths as text, everything below included."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return str(value) if isinstance(value, Path) else value
