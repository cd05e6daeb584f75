"""3x3 convolution with a quarter of the multiplications (Winograd 1980; Lavin and Gray 2016, "Fast
Algorithms for Convolutional Neural Networks", CVPR), as matrix products.

Of every 6x6 tile of a zero-padded image, of which neighbours share two rows or columns, the inner
4x4 are convolved::

    y = A^T [ (G w G^T) o (B^T x B) ] A

summed over channels between the brackets, which makes one matrix product for each of the 36
positions there. On a CPU, where direct convolution runs at the speed of matrix products, that is
what is left to win.

``A``, ``B`` and ``G`` follow from five points of the polynomials whose product a convolution is,
and infinity. With the points usually taken, 0, 1, -1, 2, -2, float32 loses a digit. With those here
the error is twice that of a direct convolution in the mean, and 1.3 times at its largest.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

INNER, OUTER = 4, 6
_KERNEL = 3
_POINTS = (0.0, 0.5**0.5, -(0.5**0.5), 2.0**0.5, -(2.0**0.5))


@dataclass(frozen=True)
class Transforms:
    """Of flattened tiles.

    Attributes:
        inputs: (36, 36), from the values of a tile.
        outputs: (16, 36), to the values of its inner part.
        kernel: (36, 9), of a 3x3 kernel.
    """

    inputs: Tensor
    outputs: Tensor
    kernel: Tensor

    @classmethod
    @cache
    def of(cls, dtype: torch.dtype) -> Transforms:
        """In a precision, derived in float64 (Toom-Cook; the transpose of a polynomial product)."""
        points = torch.tensor(_POINTS, dtype=torch.float64)

        def powers(count: int) -> Tensor:
            infinity = torch.zeros(1, count, dtype=torch.float64)
            infinity[0, -1] = 1.0
            finite = points[:, None] ** torch.arange(count, dtype=torch.float64)
            return torch.cat([finite, infinity])

        gaps = points[:, None] - points
        scale = torch.cat([gaps.fill_diagonal_(1.0).prod(1), torch.ones(1, dtype=torch.float64)])
        inputs = torch.linalg.inv(powers(OUTER)).T * scale[:, None]
        kernel = powers(_KERNEL) / scale[:, None]
        outputs = powers(INNER).T.contiguous()
        return cls(*(torch.kron(m, m).to(dtype) for m in (inputs, outputs, kernel)))


def transform_kernel(weight: Tensor, gates: int) -> Tensor:
    """(gates * outputs, inputs, 3, 3) as (gates, 36, inputs, outputs)."""
    flat = weight.unflatten(0, (gates, -1)).permute(3, 4, 0, 2, 1)
    moved = Transforms.of(weight.dtype).kernel @ flat.reshape(_KERNEL**2, -1)
    return moved.view(OUTER**2, *flat.shape[2:]).transpose(0, 1).contiguous()


def kernel_gradient(gradient: Tensor) -> Tensor:
    """From the gradient of a transformed kernel, (gates, 36, outputs, inputs), to the kernel's."""
    gates, _, outputs, inputs = gradient.shape
    kernel = Transforms.of(gradient.dtype).kernel
    flat = kernel.T @ gradient.transpose(0, 1).reshape(OUTER**2, -1)
    moved = flat.view(_KERNEL, _KERNEL, gates, outputs, inputs).permute(2, 3, 4, 0, 1)
    return moved.flatten(0, 1).contiguous()


@dataclass(frozen=True)
class Grid:
    """The tiles of a batch of images, the last ones beyond the edge where the size asks for it.

    Tensors of inner parts are (16, count, channels), those of whole tiles (36, count, channels).
    """

    batch: int
    height: int
    width: int

    @property
    def rows(self) -> int:
        return -(-self.height // INNER)

    @property
    def columns(self) -> int:
        return -(-self.width // INNER)

    @property
    def count(self) -> int:
        """Of tiles."""
        return self.batch * self.rows * self.columns

    def new_canvas(self, like: Tensor, channels: int) -> Tensor:
        """Zeros (B, height, width, channels) with room for all tiles; images begin at (1, 1)."""
        size = (INNER * (self.rows + 1), INNER * (self.columns + 1))
        return like.new_zeros(self.batch, *size, channels)

    def image(self, canvas: Tensor) -> Tensor:
        """The image's part of a canvas, (B, C, H, W)."""
        return canvas[:, 1 : self.height + 1, 1 : self.width + 1].permute(0, 3, 1, 2)

    def tiles(self, canvas: Tensor) -> Tensor:
        """A view (6, 6, B, rows, columns, channels) of all tiles."""
        used = canvas[:, : INNER * self.rows + 2, : INNER * self.columns + 2]
        return used.unfold(1, OUTER, INNER).unfold(2, OUTER, INNER).permute(4, 5, 0, 1, 2, 3)

    def inner(self, canvas: Tensor) -> Tensor:
        """A view (4, 4, B, rows, columns, channels) of the inner parts of all tiles."""
        used = canvas[:, 1 : 1 + INNER * self.rows, 1 : 1 + INNER * self.columns]
        split = used.unflatten(1, (self.rows, INNER)).unflatten(3, (self.columns, INNER))
        return split.permute(2, 4, 0, 1, 3, 5)

    def clear_beyond(self, canvas: Tensor) -> None:
        """Zero what lies beyond the image's end, which tiles may have filled."""
        if self.height % INNER:
            canvas[:, self.height + 1 :].zero_()
        if self.width % INNER:
            canvas[:, :, self.width + 1 :].zero_()

    def shape(self, parts: Tensor, side: int) -> Tensor:
        """(side**2, count, channels) as (side, side, B, rows, columns, channels)."""
        return parts.view(side, side, self.batch, self.rows, self.columns, -1)

    def add_tiles(self, canvas: Tensor, tiles: Tensor) -> None:
        """Set a canvas to the sum of all tiles (36, count, channels), each where it lies."""
        parts = self.shape(tiles, OUTER).permute(2, 3, 0, 4, 1, 5)
        by_tile = canvas.unflatten(1, (self.rows + 1, INNER)).unflatten(
            3, (self.columns + 1, INNER)
        )
        over = OUTER - INNER
        by_tile[:, -1].zero_()
        by_tile[:, :, :, -1].zero_()
        by_tile[:, :-1, :, :-1] = parts[:, :, :INNER, :, :INNER]
        by_tile[:, 1:, :over, :-1] += parts[:, :, INNER:, :, :INNER]
        by_tile[:, :-1, :, 1:, :over] += parts[:, :, :INNER, :, INNER:]
        by_tile[:, 1:, :over, 1:, :over] += parts[:, :, INNER:, :, INNER:]
