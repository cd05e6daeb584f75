"""Losses over the known pixels of frames."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

LossName = Literal["mse", "mae", "cross_entropy"]


def masked_loss(name: LossName, answer: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """The mean over the known values of a batch; 0, with a gradient of 0, where none is known.

    With a the network's answer and x the scaled target: ``mse`` is (a - x)^2, ``mae`` is |a - x|,
    and ``cross_entropy`` is -x log s(a) - (1 - x) log(1 - s(a)), s the logistic function and x held
    within 0 and 1 (Shi et al. 2015, section 4.1, where it is summed over a frame instead).

    Args:
        name: which.
        answer: (B, T, C, H, W).
        target: the same shape, any number where it is not known.
        known: the same shape, bool.
    """
    answer = answer.float()
    if name == "mse":
        losses = functional.mse_loss(answer, target, reduction="none")
    elif name == "mae":
        losses = functional.l1_loss(answer, target, reduction="none")
    else:
        losses = functional.binary_cross_entropy_with_logits(
            answer, target.clamp(0.0, 1.0), reduction="none"
        )
    # Not losses * known: what is not known must not reach the gradient as 0 times infinity.
    kept = torch.where(known, losses, torch.zeros_like(losses))
    return kept.sum() / known.sum().clamp(min=1)
