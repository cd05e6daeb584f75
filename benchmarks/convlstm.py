"""Our ConvLSTM beside Keras' ConvLSTM2D and the most-used PyTorch implementation.

    python benchmarks/convlstm.py --json [--rounds 9] [--quick] [--reference-file convlstm.py]

All hold the same weights, brought over by ``convlstm_perception.model.weight_import``, and take
turns round after round in one process: inference, then a training step (forward, mean squared
error, backward), so that a drift of the machine hits all alike. Ratios are theirs over ours.

The reference computes what https://github.com/ndrplz/ConvLSTM_pytorch does: in each step one
convolution of the input and the hidden state side by side, and the gates from its parts. It is
written out here; ``--reference-file`` takes the real file instead.

The memory of a training step is measured in a process of its own for each: that of the process at
its largest during one step, less that before it. The network, the input and the target are there
before, and a small step has loaded the libraries. On Linux that is VmHWM, set back to VmRSS before
the step through /proc/self/clear_refs; on a GPU ``torch.cuda.max_memory_allocated``.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import Progress
from torch import Tensor, nn

from convlstm_perception.benchmark.cameras import peak_rss_mb
from convlstm_perception.evaluation.machine import machine
from convlstm_perception.model import ConvLSTM
from convlstm_perception.model.weight_import import from_keras, from_ndrplz

OURS, RECOMPUTED, KERAS, REFERENCE = "ours", "ours_recompute", "keras", "reference"
INFER, TRAIN = "infer", "train"
SEED = 8


@dataclass(frozen=True)
class Size:
    """Of the layer and of what it reads."""

    batch: int = 4
    steps: int = 10
    channels: int = 64
    height: int = 64
    width: int = 64
    hidden: int = 64
    kernel: int = 3


QUICK = Size(batch=2, steps=3, channels=4, height=16, width=16, hidden=8)


class ReferenceCell(nn.Module):
    """One convolution of input and hidden state to the gates i, f, o, g."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.hidden = size.hidden
        self.conv = nn.Conv2d(
            size.channels + size.hidden, 4 * size.hidden, size.kernel, padding=size.kernel // 2
        )

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        gates = torch.split(self.conv(torch.cat([x, h], dim=1)), self.hidden, dim=1)
        i, f, o, g = gates
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


class Reference(nn.Module):
    """A layer of such cells over (B, T, C, H, W), from the zero state."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.cell_list = nn.ModuleList([ReferenceCell(size)])

    def forward(self, frames: Tensor) -> Tensor:
        (cell,) = self.cell_list
        batch, steps, _, height, width = frames.shape
        h = c = frames.new_zeros(batch, cell.hidden, height, width)
        outputs = []
        for step in range(steps):
            h, c = cell(frames[:, step], h, c)
            outputs.append(h)
        return torch.stack(outputs, dim=1)


@dataclass(frozen=True)
class Data:
    """Random frames (B, T, channels, H, W) and targets (B, T, hidden, H, W)."""

    inputs: Tensor
    target: Tensor

    @classmethod
    def of(cls, size: Size, device: str) -> Data:
        """From a fixed seed."""
        generator = torch.Generator().manual_seed(SEED)
        space = (size.height, size.width)
        inputs = torch.randn(size.batch, size.steps, size.channels, *space, generator=generator)
        target = torch.rand(size.batch, size.steps, size.hidden, *space, generator=generator)
        return cls(inputs.to(device), target.to(device))


@dataclass(frozen=True)
class Contender:
    """One implementation.

    Attributes:
        network: a module, or a Keras layer.
        weights: its trainable tensors.
        run: from frames to the hidden states of all steps.
    """

    network: Any
    weights: tuple[Tensor, ...]
    run: Callable[[Tensor], Tensor]

    def infer(self, data: Data) -> Tensor:
        """The hidden states."""
        with torch.no_grad():
            return self.run(data.inputs)

    def train(self, data: Data) -> None:
        """One step but for the optimizer's."""
        for weight in self.weights:
            weight.grad = None
        (self.run(data.inputs) - data.target).square().mean().backward()


def our_contender(network: ConvLSTM, device: str, *, recompute: bool = False) -> Contender:
    network = network.to(device)
    network.recompute = recompute
    return Contender(network, tuple(network.parameters()), lambda frames: network.run(frames)[0])


def reference_contender(size: Size, device: str, file: Path | None) -> Contender:
    """The implementation here, or that in a file."""
    if file is None:
        own = Reference(size).to(device)
        return Contender(own, tuple(own.parameters()), own)
    spec = importlib.util.spec_from_file_location("reference", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    theirs = module.ConvLSTM(
        size.channels, size.hidden, (size.kernel, size.kernel), 1, batch_first=True
    ).to(device)
    return Contender(theirs, tuple(theirs.parameters()), lambda frames: theirs(frames)[0][0])


def keras_contender(size: Size, device: str) -> Contender:
    """On its torch backend; channels first, which saves it copies."""
    os.environ["KERAS_BACKEND"] = "torch"
    os.environ["KERAS_TORCH_DEVICE"] = device
    try:
        import keras
    except ModuleNotFoundError:
        raise SystemExit("Keras is missing: pip install keras, or make setup-test") from None
    keras.utils.set_random_seed(SEED)
    layer = keras.layers.ConvLSTM2D(
        size.hidden,
        size.kernel,
        padding="same",
        data_format="channels_first",
        return_sequences=True,
    )
    layer.build((size.batch, size.steps, size.channels, size.height, size.width))
    weights = tuple(variable.value for variable in layer.trainable_weights)
    return Contender(layer, weights, layer)


def alike(size: Size, device: str, file: Path | None) -> dict[str, Contender]:
    """All of them with Keras' initial weights, which the importers bring over.

    Raises:
        RuntimeError: an importer lost some on the way.
    """
    theirs = keras_contender(size, device)
    ours = from_keras(theirs.network)
    reference = reference_contender(size, device, file)
    cell = ours.cells[0]
    kernels = [cell.input_to_state.weight, cell.recurrence.state_to_state.weight]
    fused = {"weight": torch.cat(kernels, dim=1), "bias": cell.input_to_state.bias}
    order = {}
    for name, gates in fused.items():
        i, f, g, o = gates.detach().chunk(4)
        order[f"cell_list.0.conv.{name}"] = torch.cat([i, f, o, g])
    reference.network.load_state_dict(order)
    back = from_ndrplz(reference.network.state_dict()).state_dict()
    for name, tensor in ours.state_dict().items():
        if not torch.equal(tensor.cpu(), back[name].cpu()):
            raise RuntimeError(f"{name}: the importers from Keras and from the reference differ")
    return {
        OURS: our_contender(ours, device),
        RECOMPUTED: our_contender(from_keras(theirs.network), device, recompute=True),
        KERAS: theirs,
        REFERENCE: reference,
    }


def seconds_of(work: Callable[[], object], device: str) -> float:
    """Wall time of one call."""
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    wait()
    start = time.perf_counter()
    work()
    wait()
    return time.perf_counter() - start


def take_turns(
    contenders: dict[str, Contender], data: Data, rounds: int, device: str, progress: Progress
) -> dict[str, dict[str, list[float]]]:
    """Seconds of every round, by kind of work and contender; a first round does not count."""
    timed = {
        INFER: {name: c for name, c in contenders.items() if name != RECOMPUTED},
        TRAIN: contenders,
    }
    seconds: dict[str, dict[str, list[float]]] = {}
    for kind, some in timed.items():
        seconds[kind] = {name: [] for name in some}
        task = progress.add_task(kind, total=rounds + 1)
        for number in range(rounds + 1):
            for name, contender in some.items():
                work = contender.infer if kind == INFER else contender.train
                taken = seconds_of(lambda work=work: work(data), device)
                if number:
                    seconds[kind][name].append(taken)
            progress.advance(task)
    return seconds


def ratios(seconds: dict[str, dict[str, list[float]]]) -> dict[str, float]:
    """Theirs over ours: of the medians, and the median of the rounds' own ratios."""
    found = {}
    for other in (KERAS, REFERENCE):
        for kind in (INFER, TRAIN):
            theirs, ours = seconds[kind][other], seconds[kind][OURS]
            key = f"ratio_{other}_{kind}"
            found[key] = round(statistics.median(theirs) / statistics.median(ours), 3)
            pairs = [a / b for a, b in zip(theirs, ours, strict=True)]
            found[f"{key}_of_pairs"] = round(statistics.median(pairs), 3)
    return found


def one_contender(name: str, size: Size, device: str, file: Path | None) -> Contender:
    """Of any weights: memory does not depend on their values."""
    if name == KERAS:
        return keras_contender(size, device)
    if name == REFERENCE:
        return reference_contender(size, device, file)
    layer = ConvLSTM(size.channels, [size.hidden], size.kernel)
    return our_contender(layer, device, recompute=name == RECOMPUTED)


def memory_of_a_step(name: str, size: Size, device: str, file: Path | None) -> float:
    """10^6 bytes that one training step takes, in this fresh process."""
    small = replace(size, batch=1, steps=2, height=8, width=8)
    one_contender(name, small, device, file).train(Data.of(small, device))
    contender, data = one_contender(name, size, device, file), Data.of(size, device)
    if device == "cuda":
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        contender.train(data)
        return round((torch.cuda.max_memory_allocated() - before) / 1e6, 1)
    Path("/proc/self/clear_refs").write_text("5")  # the peak is what is resident now
    before = peak_rss_mb()
    contender.train(data)
    return round(peak_rss_mb() - before, 1)


def memory_by_contender(arguments: argparse.Namespace, progress: Progress) -> dict[str, float]:
    """Each in a process of its own."""
    found = {}
    names = (OURS, RECOMPUTED, KERAS, REFERENCE)
    for name in progress.track(names, description="memory"):
        command = [sys.executable, __file__, *sys.argv[1:], "--memory-of", name]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode:
            raise SystemExit(f"memory of {name}: {result.stderr.strip()}")
        found[name] = float(result.stdout)
    return found


def measure(arguments: argparse.Namespace, size: Size) -> dict[str, Any]:
    """Everything that is printed."""
    quiet = Console(stderr=True)
    with Progress(console=quiet, disable=not quiet.is_terminal) as progress:
        memory = memory_by_contender(arguments, progress)
        contenders = alike(size, arguments.device, arguments.reference_file)
        data = Data.of(size, arguments.device)
        outputs = {name: contender.infer(data) for name, contender in contenders.items()}
        seconds = take_turns(contenders, data, arguments.rounds, arguments.device, progress)

    def difference(name: str) -> float:
        return float((outputs[name] - outputs[OURS]).abs().max())

    medians = {
        kind: {name: round(statistics.median(values), 4) for name, values in by_name.items()}
        for kind, by_name in seconds.items()
    }
    return {
        **ratios(seconds),
        "memory_ratio": round(memory[OURS] / memory[REFERENCE], 3),
        "memory_ratio_recompute": round(memory[RECOMPUTED] / memory[REFERENCE], 3),
        "max_abs_diff_keras": difference(KERAS),
        "max_abs_diff_reference": difference(REFERENCE),
        "seconds": medians,
        "fastest_seconds": {
            kind: {name: round(min(values), 4) for name, values in by_name.items()}
            for kind, by_name in seconds.items()
        },
        "memory_of_a_training_step_mb": memory,
        "reference": str(arguments.reference_file or "written out in benchmarks/convlstm.py"),
        "size": asdict(size),
        "rounds": arguments.rounds,
        "threads": arguments.threads,
        "device": torch.cuda.get_device_name() if arguments.device == "cuda" else "cpu",
        "machine": machine(),
        "versions": {
            name: metadata.version(name) for name in ("convlstm_perception", "torch", "keras")
        },
    }


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--reference-file", type=Path, help="convlstm.py of ConvLSTM_pytorch")
    parser.add_argument("--quick", action="store_true", help="a small layer, to see that it runs")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    file = arguments.reference_file
    if file is not None and not (file.suffix == ".py" and file.is_file()):
        parser.error(f"--reference-file {file}: no Python file; give that of ConvLSTM_pytorch")
    return arguments


def main() -> None:
    """Measure and print; with --memory-of only the one figure."""
    arguments = parse()
    size = QUICK if arguments.quick else Size()
    torch.set_num_threads(arguments.threads)
    # The same outputs to 1e-5 want float32 throughout; cuDNN would take TF32.
    torch.backends.cudnn.allow_tf32 = False
    if arguments.memory_of:
        where = (arguments.device, arguments.reference_file)
        print(memory_of_a_step(arguments.memory_of, size, *where))
        return
    figures = measure(arguments, size)
    if arguments.json:
        print(json.dumps(figures, indent=2))
        return
    for kind, by_name in figures["seconds"].items():
        print(kind, "  ".join(f"{name} {value:.3f} s" for name, value in by_name.items()))
    memory = figures["memory_of_a_training_step_mb"]
    print("memory", "  ".join(f"{name} {value:.0f} MB" for name, value in memory.items()))
    for key, value in figures.items():
        if key.startswith(("ratio", "memory_ratio", "max_abs")):
            print(f"{key} {value:g}")


if __name__ == "__main__":
    main()
