"""Data sets of composed clips: fresh images, or windows that a frozen encoder has encoded once.

On a CPU the encoder is nearly all the cost of a training step. Where it stays as it is, its
features are computed once per clip, kept in half precision on disk, and read again in every epoch.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset, IterableDataset, get_worker_info

from convlstm_perception.data.compositor import Clip, ClipCompositor, ClipLabels
from convlstm_perception.engine.onnxruntime import OnnxRuntimeEngine
from convlstm_perception.model.export import export_module
from convlstm_perception.model.network import Encoder
from convlstm_perception.training.targets import Targets, make_targets

Encode = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


class ComposedClips(IterableDataset[Clip]):
    """Clips drawn on the fly; each worker of each training process draws its own seeds.

    Args:
        compositor: draws them.
        seed: of the whole series.
        count: length, or None for an endless one.
        rank, ranks: number of this training process, and how many share the series.
    """

    def __init__(
        self,
        compositor: ClipCompositor,
        seed: int,
        count: int | None = None,
        *,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        self._compositor, self._seed, self._count = compositor, seed, count
        self._rank, self._ranks = rank, ranks

    def __iter__(self) -> Iterator[Clip]:
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        number, step = self._rank + self._ranks * first, self._ranks * step
        while self._count is None or number < self._count:
            # One seed a clip: the series does not depend on the number of workers.
            yield self._compositor.draw(np.random.default_rng([self._seed, number]))
            number += step


@dataclass
class ImageBatch:
    """(T, B, H, W, 3) uint8 ``images``, newest slot first, and what to answer."""

    images: Tensor
    targets: Targets


@dataclass
class EncodedBatch:
    """B windows as a frozen encoder sees them.

    Attributes:
        recurrent: (T, B, C, H/16, W/16) float16, newest slot first; zero where there is no frame.
        skip: (B, 24, H/4, W/4) float16 of the newest frame.
        targets: what to answer.
    """

    recurrent: Tensor
    skip: Tensor
    targets: Targets


def collate_images(clips: Sequence[Clip]) -> ImageBatch:
    """Join clips of one size to a batch."""
    height, width = clips[0].images.shape[1:3]
    images = np.stack([clip.images for clip in clips], axis=1)
    targets = make_targets([clip.labels for clip in clips], height, width)
    return ImageBatch(torch.from_numpy(images), targets)


class EncodedClips(Dataset[int]):
    """Encoded windows in memory-mapped files. An item is its number; :meth:`collate` reads."""

    def __init__(self, folder: Path) -> None:
        self._recurrent = np.load(folder / "recurrent.npy", mmap_mode="r")
        self._skip = np.load(folder / "skip.npy", mmap_mode="r")
        self._labels: list[ClipLabels] = pickle.loads((folder / "labels.pkl").read_bytes())
        self._size = tuple(json.loads((folder / "size.json").read_text()))

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> int:
        return index

    def collate(self, rows: Sequence[int]) -> EncodedBatch:
        """Join windows to a batch."""
        height, width = self._size
        targets = make_targets([self._labels[row] for row in rows], height, width)
        return EncodedBatch(
            torch.from_numpy(np.stack([self._recurrent[row] for row in rows], axis=1)),
            torch.from_numpy(np.stack([self._skip[row] for row in rows])),
            targets,
        )


class _Features(nn.Module):
    """Image to what the ConvLSTM sees and the skip, before anything that is trained."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        features = self.encoder.features(image)
        return self.encoder.recurrent_input(features), features.stride_4


def make_encode(encoder: Encoder, height: int, width: int) -> Encode:
    """A frozen encoder as a function of one (1, H, W, 3) image: on CUDA where it is, else by ONNX
    Runtime, which runs it three times as fast as eager torch does on a CPU.
    """
    module = _Features(encoder).eval()
    if torch.cuda.is_available():
        module = module.cuda()

        def encode_on_cuda(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            with torch.no_grad():
                recurrent, skip = module(torch.from_numpy(image).cuda())
            return recurrent.cpu().numpy(), skip.cpu().numpy()

        return encode_on_cuda
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "features.onnx"
        image = torch.zeros(1, height, width, 3, dtype=torch.uint8)
        export_module(module, (image,), path, ["image"], ["recurrent", "skip"])
        engine = OnnxRuntimeEngine(path)

    def encode(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        outputs = {name: spec.allocate() for name, spec in engine.outputs.items()}
        engine.run({"image": image}, outputs)
        return outputs["recurrent"], outputs["skip"]

    return encode


def encoded_clips_folder(parent: Path, description: object, encoder: Encoder) -> Path:
    """Where the windows of this data, this seed and these encoder weights are kept."""
    digest = hashlib.sha256(json.dumps(description, sort_keys=True, default=str).encode())
    for module in (encoder.backbone, encoder.pyramid):
        for tensor in module.state_dict().values():
            digest.update(tensor.detach().cpu().numpy().tobytes())
    return parent / f"clips-{digest.hexdigest()[:16]}"


def write_encoded_clips(
    folder: Path,
    clips: Iterator[Clip],
    count: int,
    encode: Encode,
    progress: Callable[[], object] = lambda: None,
) -> None:
    """Encode ``count`` clips into a folder, unless it is complete already."""
    if (folder / "labels.pkl").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    labels: list[ClipLabels] = []
    recurrent: np.memmap | None = None
    skips: np.memmap | None = None
    for row, clip in zip(range(count), clips, strict=False):
        shown = np.flatnonzero(clip.labels.valid)
        # Oldest first: the skip that is left over is the newest frame's.
        for slot in shown[::-1]:
            seen, skip = encode(np.ascontiguousarray(clip.images[slot][None]))
            if recurrent is None or skips is None:
                shape = (count, len(clip.images), *seen.shape[1:])
                recurrent = np.lib.format.open_memmap(
                    folder / "recurrent.npy", "w+", np.float16, shape
                )
                skips = np.lib.format.open_memmap(
                    folder / "skip.npy", "w+", np.float16, (count, *skip.shape[1:])
                )
            recurrent[row, slot] = seen[0]
        assert skips is not None
        skips[row] = skip[0]
        labels.append(clip.labels)
        progress()
    (folder / "size.json").write_text(json.dumps(clip.images.shape[1:3]))
    # Last: a folder without it is not complete.
    (folder / "labels.pkl").write_bytes(pickle.dumps(labels))
