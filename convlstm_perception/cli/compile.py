"""Build the TensorRT engines of a model bundle, for this machine's GPU or for another.

Engines are kept in a cache and built once. TensorRT-RTX builds them without a GPU.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from convlstm_perception.cli.numbers import count
from convlstm_perception.data.video import open_source
from convlstm_perception.engine import ModelBundle, default_bundle_path
from convlstm_perception.engine.settings import EngineSettings
from convlstm_perception.engine.tensorrt import (
    DEFAULT_WORKSPACE_MB,
    BuildCache,
    CompiledBundle,
    CompileProgress,
    compile_bundle,
)
from convlstm_perception.errors import ParameterError
from convlstm_perception.settings import described_fields
from convlstm_perception.stream.letterbox import Letterbox

CALIBRATION_FRAMES = 64
_MIB = 1 << 20
_INDICES = ("int64", "int32", "bool")  # arithmetic of shapes and of places in a grid


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    precision, known = next(
        field for field in described_fields(EngineSettings) if field[0].name == "precision"
    )
    parser.add_argument(
        "bundle", type=Path, nargs="?", help="model bundle; the shipped one by default"
    )
    parser.add_argument(
        "--precision",
        choices=known.choices,
        default=precision.default,
        help="number format of encoder and motion graph (default %(default)s)",
    )
    parser.add_argument(
        "--backend",
        choices=("auto", "tensorrt", "tensorrt-rtx"),
        default="auto",
        help="auto takes TensorRT, then TensorRT-RTX, whichever is installed and can build for "
        "the target (default %(default)s)",
    )
    parser.add_argument(
        "--target",
        default="current",
        help="current, the GPU of this machine, or a compute capability as sm89, for which "
        "TensorRT-RTX builds without a GPU (default %(default)s)",
    )
    parser.add_argument(
        "--cameras",
        type=count,
        default=1,
        metavar="N",
        help="engines serve 1 to N cameras at once (default %(default)s)",
    )
    parser.add_argument(
        "--calibration",
        type=Path,
        metavar="PATH",
        help="for int8: a video or a folder of images of the camera; the ranges of the features "
        f"are measured on {CALIBRATION_FRAMES} of them, and remembered",
    )
    parser.add_argument(
        "--workspace",
        type=count,
        default=DEFAULT_WORKSPACE_MB,
        metavar="MIB",
        help="scratch memory that an engine may use (default %(default)s)",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="DIR",
        help="folder of the engines (default convlstm_perception/engines in $XDG_CACHE_HOME)",
    )
    parser.add_argument(
        "--json", action="store_true", help="print the report as JSON, and nothing else"
    )


def run(args: argparse.Namespace) -> int:
    """Run the command: 0 when every engine is there."""
    if args.calibration is not None and args.precision != "int8":
        raise ParameterError("--calibration is for --precision int8 alone; leave it out")
    bundle = ModelBundle.load(args.bundle or default_bundle_path())
    frames = calibration_frames(args.calibration, bundle) if args.calibration else None
    with _progress_bar() as progress:
        compiled = compile_bundle(
            bundle,
            precision=args.precision,
            backend=args.backend,
            target=args.target,
            cameras=args.cameras,
            cache=BuildCache(args.cache),
            workspace_mb=args.workspace,
            calibration=frames,
            progress=progress,
        )
    if args.json:
        print(json.dumps(_to_json(bundle, compiled), indent=2))
    else:
        _print_tables(bundle, compiled)
    return 0


def calibration_frames(path: Path, bundle: ModelBundle) -> Iterator[np.ndarray]:
    """Frames of a source, evenly chosen: (1, height, width, 3) uint8 as the encoder takes them."""
    with open_source(path) as source:
        every = max(1, (source.frame_count or 0) // CALIBRATION_FRAMES)
        for image in itertools.islice(source, 0, every * CALIBRATION_FRAMES, every):
            height, width = image.shape[:2]
            letterbox = Letterbox(height, width, bundle.input_height, bundle.input_width)
            canvas = np.empty((1, bundle.input_height, bundle.input_width, 3), np.uint8)
            letterbox.clear(canvas[0])
            letterbox.apply(image, canvas[0])
            yield canvas


@contextmanager
def _progress_bar() -> Iterator[CompileProgress]:
    """One bar on standard error, of what is being done; standard output is for the report."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as bar:
        task = bar.add_task("")

        def tell(role: str, what: str, done: int, steps: int) -> None:
            bar.update(task, description=f"{role}: {what}", completed=done, total=steps)

        yield tell


def _to_json(bundle: ModelBundle, compiled: CompiledBundle) -> dict[str, Any]:
    return {
        "bundle": str(bundle.folder),
        "model": bundle.model_id,
        "backend": compiled.bindings.backend,
        "version": compiled.bindings.version,
        "target": compiled.target.capability,
        "gpu": compiled.target.gpu,
        "cameras": compiled.cameras,
        "engines": {
            role: {
                "file": str(engine.path),
                "bytes": len(engine.plan),
                "precision": engine.precision,
                "built": engine.fresh,
                **engine.report.to_json(),
            }
            for role, engine in compiled.engines.items()
        },
    }


def _print_tables(bundle: ModelBundle, compiled: CompiledBundle) -> None:
    where = f"{compiled.target.capability} {compiled.target.gpu}".strip()
    console = Console()
    console.print(f"{bundle.model_id}, {compiled.bindings.title}, for {where}", highlight=False)
    files = Table(box=box.SIMPLE)
    for name in ("engine", "precision", "batch", "MiB", ""):
        files.add_column(name, no_wrap=True)
    for role, engine in compiled.engines.items():
        least, most = engine.report.batch
        files.add_row(
            role,
            engine.precision,
            f"{least}" if least == most else f"{least} to {most}",
            f"{len(engine.plan) / _MIB:.1f}",
            f"built in {engine.report.seconds:.1f} s" if engine.fresh else "from the cache",
        )
    console.print(files)
    layers = Table(title="layers as read, by the type of number they give", box=box.SIMPLE)
    layers.add_column("")
    for role in compiled.engines:
        layers.add_column(role, overflow="fold")
    for kind, cells in _layer_rows(compiled).items():
        layers.add_row(kind, *(", ".join(cells[role]) for role in compiled.engines))
    console.print(layers)
    for engine in compiled.engines.values():
        # Not through the console, which would wrap a long path.
        print(engine.path)


def _layer_rows(compiled: CompiledBundle) -> dict[str, dict[str, list[str]]]:
    """Per kind of layer and graph, how many give which type; kinds in order of their number."""
    rows: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    totals: dict[str, int] = defaultdict(int)
    for role, engine in compiled.engines.items():
        for layer in engine.report.layers:
            if layer.kind != "constant" and layer.dtype not in _INDICES:
                dtype = layer.dtype.replace("float", "fp")
                rows[layer.kind][role].append(f"{layer.count} {dtype}")
                totals[layer.kind] += layer.count
    return {kind: rows[kind] for kind in sorted(rows, key=lambda kind: -totals[kind])}
