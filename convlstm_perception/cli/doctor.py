"""Tell what this machine has for running a model bundle, what would run it, and what is missing.

Exit code 0 says that the bundle can run here with these settings. With --dds it instead measures
how many camera images DDS delivers here, and how late; 0 then says that they arrive. With --topic
it watches a live camera; 0 then says that it is as the node needs it.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from convlstm_perception import __version__
from convlstm_perception.cli.inference import add_engine_arguments, engine_settings
from convlstm_perception.cli.numbers import positive_number
from convlstm_perception.engine import (
    EngineDecision,
    EngineSettings,
    Environment,
    ModelBundle,
    MotionModel,
    decide_engine,
    default_bundle_path,
)
from convlstm_perception.engine.choice import ENGINE_TITLES, in_words, load_backend
from convlstm_perception.engine.environment import Library
from convlstm_perception.engine.nvidia_driver import NvidiaDriver
from convlstm_perception.engine.tensorrt import BuildCache, compile_bundle
from convlstm_perception.errors import ParameterError, PerceptionError

_DDS_SECONDS = 3.0
_TOPIC_SECONDS = 5.0
_LIBRARIES = {
    "TensorRT": "tensorrt",
    "TensorRT-RTX": "tensorrt_rtx",
    "CUDA for Python": "cuda_bindings",
    "ONNX Runtime": "onnxruntime",
    "onnx (converts to fp16, int8)": "onnx",
}


@dataclass(frozen=True)
class Diagnosis:
    """What was found.

    Attributes:
        environment: what the machine has.
        decision: what would run the networks; None where nothing can.
        bundle: that was looked at; None where it cannot be read.
        engines: files of the bundle's TensorRT engines in the cache, by graph.
        trial: what came of running the bundle, in words; empty where it was not tried.
        problems: why the bundle cannot run here, with the mend.
    """

    environment: Environment
    decision: EngineDecision | None
    bundle: ModelBundle | None
    engines: dict[str, str]
    trial: str
    problems: tuple[str, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "bundle", type=Path, nargs="?", help="model bundle; the shipped one by default"
    )
    add_engine_arguments(parser)
    live = parser.add_mutually_exclusive_group()
    live.add_argument(
        "--dds",
        action="store_true",
        help="measure DDS and nothing else: the share and the delay of large images; needs ROS 2, "
        "takes a minute",
    )
    live.add_argument(
        "--topic",
        metavar="TOPIC",
        help="watch a live image topic and nothing else: publishers, QoS, rate, stamps, images and "
        "calibration, with what is wrong and how to mend it; needs ROS 2",
    )
    parser.add_argument(
        "--seconds",
        type=positive_number,
        metavar="S",
        help=f"of each measurement of --dds (default {_DDS_SECONDS:g}), or for which --topic is "
        f"watched (default {_TOPIC_SECONDS:g})",
    )
    parser.add_argument(
        "--reliability",
        choices=("best_effort", "reliable"),
        default="best_effort",
        help="of --topic: what the node asks for, as its parameter image_reliability "
        "(default %(default)s)",
    )
    parser.add_argument(
        "--json", action="store_true", help="print what was found as JSON, and nothing else"
    )


def run(args: argparse.Namespace) -> int:
    """Run the command: 0 when the bundle can run here, or images arrive as wanted, else 1."""
    if args.dds:
        if args.bundle:
            raise ParameterError(
                f"--dds looks at no bundle, but {args.bundle} is given. Leave one of them out."
            )
        from convlstm_perception.cli import delivery

        return delivery.run(args.seconds or _DDS_SECONDS, as_json=args.json)
    if args.topic:
        from convlstm_perception.cli import topic

        return topic.run(
            args.topic,
            args.seconds or _TOPIC_SECONDS,
            args.reliability,
            args.bundle,
            as_json=args.json,
        )
    diagnosis = examine(args.bundle, engine_settings(args), Environment())
    if args.json:
        print(json.dumps(to_json(diagnosis), indent=2))
    else:
        show(diagnosis)
    return 1 if diagnosis.problems else 0


def examine(folder: Path | None, settings: EngineSettings, environment: Environment) -> Diagnosis:
    """Look at a bundle on a machine; what is wrong is told, not raised.

    Args:
        folder: of the bundle; the shipped one when None.
        settings: of inference.
        environment: what the machine has.
    """
    problems = []
    bundle = decision = None
    engines: dict[str, str] = {}
    trial = ""
    try:
        bundle = ModelBundle.load(folder or default_bundle_path())
    except PerceptionError as error:
        problems.append(str(error))
    try:
        decision = decide_engine(settings, environment)
    except PerceptionError as error:
        problems.append(str(error))
    if bundle and decision:
        try:
            engines, missing = _cached_engines(bundle, settings, decision)
            trial = missing or _try(bundle, settings, environment)
        except (PerceptionError, ImportError) as error:
            problems.append(str(error))
    return Diagnosis(environment, decision, bundle, engines, trial, tuple(problems))


def _cached_engines(
    bundle: ModelBundle, settings: EngineSettings, decision: EngineDecision
) -> tuple[dict[str, str], str]:
    """The TensorRT engines in the cache by graph, and what is said where one has to be built."""
    if decision.engine not in ("tensorrt", "tensorrt-rtx"):
        return {}, ""
    try:
        compiled = compile_bundle(
            bundle,
            precision=settings.precision,
            backend=decision.engine,
            cache=BuildCache(Path(settings.engine_cache) if settings.engine_cache else None),
            memory=settings.memory,
            policy="never",
        )
    except PerceptionError as error:
        if settings.build_engine == "never":
            raise
        return {}, f"not tried: its engines are built when the node is configured ({error})"
    return {role: str(engine.path) for role, engine in compiled.engines.items()}, ""


def _try(bundle: ModelBundle, settings: EngineSettings, environment: Environment) -> str:
    """Do what the node does when it is configured."""
    from convlstm_perception.stream import CameraPipeline, PipelineSettings

    # Nothing is built here: that takes minutes, and was told where it is needed.
    careful = dataclasses.replace(settings, build_engine="never")
    backend, decision = load_backend(bundle, careful, 1, environment)
    model = MotionModel(bundle, backend, settings.memory, decision)
    try:
        CameraPipeline(model, PipelineSettings()).warm_up()
    finally:
        model.close()
    return f"loads and answers a frame on {model.engine_name}"


def show(diagnosis: Diagnosis) -> None:
    """Print the table, and below it what to do."""
    table = Table(box=box.SIMPLE, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for row in _rows(diagnosis):
        table.add_row(*row)
    Console(highlight=False, markup=False).print(table)
    # Not through the console, which would break the lines of commands.
    for problem in diagnosis.problems:
        print(f"Problem: {problem}")
    for hint in _hints(diagnosis):
        print(hint)


def to_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """What was found, as scalars, lists and maps."""
    environment, bundle = diagnosis.environment, diagnosis.bundle
    return {
        "version": __version__,
        "python": platform.python_version(),
        "machine": environment.machine,
        "jetson": environment.jetson,
        "driver": asdict(environment.driver),
        **{name: asdict(getattr(environment, name)) for name in _LIBRARIES.values()},
        "bundle": {"folder": str(bundle.folder), "model": bundle.model_id} if bundle else None,
        "decision": asdict(diagnosis.decision) if diagnosis.decision else None,
        "engines": diagnosis.engines,
        "trial": diagnosis.trial,
        "problems": diagnosis.problems,
        "usable": not diagnosis.problems,
    }


def _rows(diagnosis: Diagnosis) -> Iterator[tuple[str, str]]:
    environment, decision, bundle = diagnosis.environment, diagnosis.decision, diagnosis.bundle
    yield "convlstm_perception", f"{__version__}, Python {platform.python_version()}"
    yield "machine", environment.machine
    if environment.jetson:
        yield "Jetson Linux", environment.jetson
    yield from _driver_rows(environment.driver)
    for title, name in _LIBRARIES.items():
        yield title, _in_words(getattr(environment, name))
    yield "bundle", f"{bundle.model_id}, {bundle.folder}" if bundle else "cannot be used"
    if decision:
        why = "see below" if decision.passed_over else decision.why
        yield "engine", f"{ENGINE_TITLES[decision.engine]} ({why})"
    else:
        yield "engine", "none"
    for role, path in diagnosis.engines.items():
        yield f"engine of {role}", path
    yield "result", diagnosis.trial or "cannot run here"


def _driver_rows(driver: NvidiaDriver) -> Iterator[tuple[str, str]]:
    if not driver.gpus:
        yield "NVIDIA driver", driver.problem
        return
    yield "NVIDIA driver", f"{driver.version or 'of unknown version'}, up to CUDA {driver.cuda}"
    for gpu in driver.gpus:
        memory = "of the host" if gpu.integrated else "of its own"
        yield "GPU", f"{gpu.name}, {gpu.capability}, {gpu.memory_mb} MiB {memory}"


def _in_words(library: Library) -> str:
    if library.problem:
        return library.problem if library.broken else "not installed"
    offers = ", ".join(library.offers)
    return f"{library.version} ({offers})" if offers else library.version


def _hints(diagnosis: Diagnosis) -> Iterator[str]:
    """What ``auto`` passed over, and how it would be had; engines that lack the same together."""
    decision = diagnosis.decision
    if decision is None or not decision.passed_over:
        return
    if decision.idle_gpu:
        yield f"A GPU lies idle ({decision.idle_gpu}). Any of these would put it to work:"
    else:
        yield "Engine 'auto' passed over:"
    for problem in dict.fromkeys(obstacle.problem for obstacle in decision.passed_over):
        same = [obstacle for obstacle in decision.passed_over if obstacle.problem == problem]
        yield f"* {in_words(same)}. {same[0].mend}".rstrip()
