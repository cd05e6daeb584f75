"""The bundle's networks in PyTorch, for the clock alone. Only this module imports torch."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable

import torch
from torch import nn

from convlstm_perception.benchmark.graph_cost import convolution_shapes
from convlstm_perception.benchmark.timing import Variant
from convlstm_perception.engine import ModelBundle
from convlstm_perception.errors import BundleError, EngineError
from convlstm_perception.model import NetworkConfig, PedestrianMotionNet

_STEM_CHANNELS = 32  # of MobileNetV2 at width 1
_GATES = 4
_SEED = 0


class TorchNetwork:
    """:class:`PedestrianMotionNet` with the shapes of a bundle and random weights.

    Time does not depend on what the weights are. On a GPU it takes the image from the host and
    brings the answer back, as a runtime does.

    Args:
        bundle: whose shapes it takes.
        device: ``cpu`` or ``cuda``.
        channels_last: keep tensors in the order height, width, channels, which many of torch's
            kernels like better.

    Raises:
        BundleError: when the bundle's graphs are of another architecture.
    """

    def __init__(self, bundle: ModelBundle, device: str, *, channels_last: bool = False) -> None:
        torch.manual_seed(_SEED)
        self._device = torch.device(device)
        network = PedestrianMotionNet(network_config(bundle)).eval().to(self._device)
        if channels_last:
            network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._network = network
        self._encoder: Callable = network.encoder
        self._motion: Callable = network.motion
        size = (bundle.input_height, bundle.input_width, 3)
        self._image = torch.randint(0, 256, (1, *size), dtype=torch.uint8)
        self._images = torch.randint(0, 256, (1, bundle.slots, *size), dtype=torch.uint8)
        self._valid = torch.ones(1, bundle.slots, device=self._device)
        self._dt = torch.full((1, bundle.slots), bundle.step, device=self._device)
        with torch.inference_mode():
            slot, _ = network.encoder(self._image.to(self._device))
        self._window = [slot.clone() for _ in range(bundle.slots)]

    def compile(self) -> None:
        """Run both networks through torch.compile from now on."""
        self._encoder = torch.compile(self._network.encoder)
        self._motion = torch.compile(self._network.motion)

    def cached(self) -> float:
        """Seconds to encode one frame and answer with a window that is otherwise encoded."""
        start = time.perf_counter()
        with torch.inference_mode():
            slot, skip = self._encoder(self._image.to(self._device))
            window = [slot, *self._window[1:]]
            answers = self._motion(window, skip, self._valid, self._dt)
            for answer in answers:
                answer.cpu()
        return time.perf_counter() - start

    def recomputed(self) -> float:
        """Seconds to encode every frame of the window and answer."""
        start = time.perf_counter()
        with torch.inference_mode():
            answers = self._network(self._images.to(self._device), self._valid, self._dt)
            for answer in answers:
                answer.cpu()
        return time.perf_counter() - start


def network_config(bundle: ModelBundle) -> NetworkConfig:
    """The architecture of a bundle's graphs.

    Raises:
        BundleError: when it is not that of :class:`PedestrianMotionNet`: a convolution differs.
    """
    encoder, motion = (
        Counter(convolution_shapes(path)) for path in (bundle.encoder_path, bundle.motion_path)
    )
    stems = [shape[0] for shape in encoder if shape[1] == 3]
    # From the hidden state to the four gates; other convolutions may have these proportions too.
    hidden = sorted({shape[1] for shape in motion if shape[0] == _GATES * shape[1]})
    for channels in hidden if stems else ():
        config = NetworkConfig(
            width=stems[0] / _STEM_CHANNELS,
            hidden_channels=channels,
            candidates=bundle.candidates,
            horizons=bundle.horizons,
        )
        network = PedestrianMotionNet(config)
        if (encoder, motion) == (_shapes(network.encoder), _shapes(network.motion)):
            return config
    raise BundleError(
        f"{bundle.folder}: its graphs are not those of a PedestrianMotionNet with the default "
        "recurrence; it cannot be compared with torch"
    )


def torch_device(on_gpu: bool) -> str:
    """The torch device to compare with.

    Raises:
        EngineError: when a GPU is wanted, and this torch has none.
    """
    if on_gpu and not torch.cuda.is_available():
        raise EngineError(f"torch {torch.__version__} sees no GPU, on which the engine runs")
    return "cuda" if on_gpu else "cpu"


def torch_variants(bundle: ModelBundle, names: tuple[str, ...], device: str) -> list[Variant]:
    """The torch competitors of these names, with torch.compile's compilation behind them.

    Raises:
        BundleError: see :class:`TorchNetwork`.
        EngineError: when torch.compile cannot compile here.
    """
    variants = []
    if "torch-eager" in names:
        eager = TorchNetwork(bundle, device)
        variants.append(Variant("torch_eager", eager.cached, eager.cached))
        variants.append(Variant("torch_eager_window", eager.recomputed, eager.cached))
    if "torch-channels-last" in names:
        arranged = TorchNetwork(bundle, device, channels_last=True)
        variants.append(Variant("torch_channels_last", arranged.cached, arranged.cached))
    if "torch-compile" in names:
        compiled = TorchNetwork(bundle, device)
        compiled.compile()
        _compile_now(compiled)
        variants.append(Variant("torch_compile", compiled.cached, compiled.cached))
    return variants


def _compile_now(network: TorchNetwork) -> None:
    if not any(shutil.which(name) for name in ("c++", "g++", "clang++")):
        raise EngineError("torch.compile needs a C++ compiler; install g++")
    try:
        network.cached()
    except RuntimeError as error:  # base of all that torch.compile raises
        reason = str(error).strip().splitlines()[0]
        raise EngineError(f"torch.compile failed: {reason}") from error


def _shapes(module: nn.Module) -> Counter[tuple[int, ...]]:
    convolutions = (part for part in module.modules() if isinstance(part, nn.Conv2d))
    return Counter(tuple(part.weight.shape) for part in convolutions)
