"""What ``convlstm-perception doctor --topic`` prints: a live camera, and what is wrong with it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from convlstm_perception import __version__
from convlstm_perception.camera_check import Expectations, Finding, Sight, judge
from convlstm_perception.camera_check.judgement import image_publishers, pace_of
from convlstm_perception.camera_check.sight import Reliability
from convlstm_perception.engine import ModelBundle, default_bundle_path
from convlstm_perception.ros.dds_facts import DdsFacts, find_facts
from convlstm_perception.ros.topic_watch import watch
from convlstm_perception.stream import PipelineSettings


def run(
    topic: str, seconds: float, reliability: Reliability, bundle: Path | None, *, as_json: bool
) -> int:
    """Watch and print: 0 when all is well, else 1.

    Args:
        topic: of the images.
        seconds: for which it is watched.
        reliability: that the node would ask for.
        bundle: whose window is to be filled; the shipped one when None.
        as_json: print JSON, and nothing else, on standard output.
    """
    model = ModelBundle.load(bundle or default_bundle_path())
    facts = find_facts(os.environ, Path.cwd())
    expected = Expectations(
        reliability=reliability,
        step=model.step,
        tolerance=PipelineSettings().tolerance,
        segment=_segment(facts),
        profile_command=f"export {facts.variable}={facts.shipped}",
    )
    sight = watch(topic, seconds, expected)
    findings = judge(sight, expected)
    problems = [finding for finding in findings if finding.problem]
    if as_json:
        print(json.dumps(to_json(sight, findings), indent=2))
    else:
        show(sight, findings)
    return 1 if problems else 0


def to_json(sight: Sight, findings: Sequence[Finding]) -> dict[str, Any]:
    """What was found, as scalars, lists and maps."""
    pace = pace_of(sight)
    return {
        "version": __version__,
        "topic": sight.topic,
        "publishers": [asdict(publisher) for publisher in sight.publishers],
        "images": len(sight.images),
        "sizes": [list(size) for size in _sizes(sight)],
        "pace": pace and asdict(pace),
        "age": median(image.age for image in sight.images) if sight.images else None,
        "calibrations": len(sight.calibrations),
        "findings": [asdict(finding) for finding in findings],
        "usable": not any(finding.problem for finding in findings),
    }


def show(sight: Sight, findings: Sequence[Finding]) -> None:
    """Print what was seen, and below it what to do."""
    table = Table(box=box.SIMPLE, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for row in _rows(sight):
        table.add_row(*row)
    Console(highlight=False, markup=False).print(table)
    # Not through the console, which would break the lines of commands.
    for finding in findings:
        print(f"{'Problem' if finding.problem else 'Note'}: {finding}")
    if not any(finding.problem for finding in findings):
        print("The camera is as the node needs it.")


def _rows(sight: Sight) -> Iterator[tuple[str, str]]:
    yield "topic", sight.topic
    for publisher in image_publishers(sight):
        reliability = publisher.reliability.replace("_", " ")
        yield "publisher", f"{publisher.node}, {publisher.type}, {reliability}"
    yield "images", f"{len(sight.images)} in {sight.seconds:g} s"
    if not sight.images:
        return
    yield "size", ", ".join(f"{width}x{height}" for width, height in _sizes(sight)) or "unknown"
    yield "frame_id", ", ".join(sorted({image.frame_id for image in sight.images})) or "empty"
    pace = pace_of(sight)
    if pace:
        yield "rate", f"{pace.rate:.1f} Hz; nine of ten intervals within {1e3 * pace.jitter:.1f} ms"
        yield "missing by the stamps", f"{pace.missing}; longest gap {pace.widest:.3f} s"
    yield "age on arrival", f"{1e3 * median(image.age for image in sight.images):.1f} ms"
    yield "calibrations", f"{len(sight.calibrations)} on {sight.calibration_topic}"


def _sizes(sight: Sight) -> list[tuple[int, int]]:
    sizes = {(image.width, image.height) for image in sight.images if not image.unreadable}
    return sorted(sizes)


def _segment(facts: DdsFacts) -> int | None:
    """Bytes of the shared-memory segment in force; without limit where no such profile applies."""
    if not facts.is_fast_dds:
        return 1 << 62
    return facts.profile.segment_bytes if facts.profile else None
