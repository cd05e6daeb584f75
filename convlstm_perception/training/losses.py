"""Losses of the heatmap and of the candidate head."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from convlstm_perception.model.heads import CandidateMotion
from convlstm_perception.model.network import CELL


class CandidateLosses(NamedTuple):
    """Means over the people asked for; zero where nobody was."""

    offset: Tensor
    size: Tensor
    velocity: Tensor
    trajectory: Tensor


def heatmap_loss(logits: Tensor, heat: Tensor, weight: Tensor) -> Tensor:
    """Penalty-reduced focal loss (CenterNet, Zhou et al. 2019, equation 1, alpha 2, beta 4).

    All (B, 1, h, w); ``weight`` is 0 where nothing is asked. Normalised by the number of centres.
    """
    centre = (heat > 0.999).to(logits.dtype)
    log_yes, log_no = functional.logsigmoid(logits), functional.logsigmoid(-logits)
    probability = torch.sigmoid(logits)
    positive = -centre * (1 - probability) ** 2 * log_yes
    negative = -(1 - centre) * (1 - heat) ** 4 * probability**2 * log_no
    return ((positive + negative) * weight).sum() / centre.sum().clamp(min=1)


def candidate_losses(
    predicted: CandidateMotion,
    corner: Tensor,
    boxes: Tensor,
    present: Tensor,
    motion: Tensor,
    velocity: Tensor,
) -> CandidateLosses:
    """Regression losses at the cells of N people a clip.

    Args:
        predicted: the head's answer at those cells.
        corner: (B, N, 2) corner of each cell, in cells.
        boxes, present, motion, velocity: as in :class:`Batch`.
    """
    offset = functional.smooth_l1_loss(
        predicted.offset, boxes[..., :2] / CELL - corner, reduction="none", beta=0.2
    )
    log_size = torch.log((boxes[..., 2:] / CELL).clamp(min=0.1))
    size = functional.smooth_l1_loss(predicted.log_size, log_size, reduction="none", beta=0.05)
    speed = functional.smooth_l1_loss(
        predicted.velocity, velocity.nan_to_num(), reduction="none", beta=0.05
    )
    # Laplace negative log likelihood, less its constant log 2.
    distance = (predicted.displacement - motion.nan_to_num()).abs()
    likelihood = distance * torch.exp(-predicted.log_scale) + predicted.log_scale
    return CandidateLosses(
        _masked_mean(offset, present.unsqueeze(-1).expand_as(offset)),
        _masked_mean(size, present.unsqueeze(-1).expand_as(size)),
        _masked_mean(speed, velocity.isfinite()),
        _masked_mean(likelihood, motion.isfinite()),
    )


def _masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    return (values * mask).sum() / mask.sum().clamp(min=1)
