"""What a benchmark shows on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from convlstm_perception.benchmark.cameras import STAGES

_NOTHING = "-"
_MEANING = {
    "window_cached": "new frame encoded, window from the ring",
    "window_recomputed": "every frame of the window encoded",
    "onnxruntime": "ONNX Runtime on the CPU, window cached",
    "torch_eager": "torch eager, window cached",
    "torch_eager_window": "torch eager, window recomputed",
    "torch_channels_last": "torch eager, channels last, window cached",
    "torch_compile": "torch.compile, window cached",
}


def print_benchmark(values: Mapping[str, Any]) -> None:
    """The figures as tables on standard output."""
    console = Console()
    host = values["machine"]
    console.print(
        f"{values['model']} on {values['engine']}, {values['precision']}, memory "
        f"{values['memory']}, {values['threads']} threads\n"
        f"{host['cpu']}, {host['cores']} cores, load {host['load_1min']}",
        highlight=False,
    )
    console.print(_cameras(values))
    console.print(_in_turns(values))
    if values["roofline"]:
        console.print(_roofline(values["roofline"]))
    console.print(
        f"peak memory of the process: {values['peak_rss_mb']:.0f} MB, of which the runtime "
        f"{values['runtime_mb']:.0f} MB",
        highlight=False,
    )
    for note in values["notes"]:
        console.print(note, markup=False, highlight=False)


def _cameras(values: Mapping[str, Any]) -> Table:
    counts = values["cameras"]
    table = _table(f"images of {values['image']} to tracks, milliseconds p50", "cameras", counts)
    figures = counts.values()
    table.add_row("all", *(_number(each["latency"]["p50"]) for each in figures))
    table.add_row("all, p99", *(_number(each["latency"]["p99"]) for each in figures))
    for stage in STAGES:
        cells = [each["stages"].get(stage) for each in figures]
        if any(cells):
            table.add_row(f"  {stage}", *(_number(cell and cell["p50"]) for cell in cells))
    table.add_row("frames a second", *(_number(each["throughput"]) for each in figures))
    table.add_row("runtime MB", *(_number(each["runtime_mb"]) for each in figures))
    table.add_row("peak RSS MB", *(_number(each["peak_rss_mb"]) for each in figures))
    return table


def _in_turns(values: Mapping[str, Any]) -> Table:
    table = _table(
        "the networks alone, in turns, milliseconds", "", ("p50", "p99", "of the first", "what")
    )
    first = values["in_turns"]["window_cached"]["p50"]
    for name, timing in values["in_turns"].items():
        table.add_row(
            name,
            _number(timing["p50"]),
            _number(timing["p99"]),
            f"{timing['p50'] / first:.2f}",
            _MEANING[name],
        )
    return table


def _roofline(values: Mapping[str, Any]) -> Table:
    title = f"roofline: {values['copy_gb_s']} GB/s, {values['matrix_gflop_s']} GFLOP/s"
    columns = ("GFLOP", "MB", "MB unfused", "floor ms", "unfused ms", "measured ms", "share")
    table = _table(title, "", columns)
    for name, graph in values["graphs"].items():
        table.add_row(name, *(_number(value) for value in graph.values()))
    return table


def _table(title: str, corner: str, columns: Mapping[str, Any] | tuple[str, ...]) -> Table:
    table = Table(title=title, box=box.SIMPLE)
    table.add_column(corner, no_wrap=True)
    for name in columns:
        table.add_column(name, justify="left" if name == "what" else "right")
    return table


def _number(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.4g}"
