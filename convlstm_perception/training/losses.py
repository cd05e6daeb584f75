"""Losses of the heatmap and of the candidate head."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from convlstm_perception.model.heads import CandidateBox, CandidateMotion
from convlstm_perception.model.network import CELL
from convlstm_perception.training.targets import Targets


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
    box: CandidateBox, predicted: CandidateMotion, corner: Tensor, targets: Targets
) -> CandidateLosses:
    """Regression losses at the cells of N people a clip.

    Args:
        box, predicted: the heads' answers at those cells.
        corner: (B, N, 2) corner of each cell, in cells.
        targets: what to answer.
    """
    centre, extent = (targets.boxes / CELL).chunk(2, dim=-1)
    offset = functional.smooth_l1_loss(box.offset, centre - corner, reduction="none", beta=0.2)
    size = functional.smooth_l1_loss(
        torch.log(box.size), torch.log(extent.clamp(min=0.1)), reduction="none", beta=0.05
    )
    speed = functional.smooth_l1_loss(
        predicted.velocity, targets.velocity.nan_to_num(), reduction="none", beta=0.05
    )
    # Laplace negative log likelihood, less its constant log 2.
    distance = (predicted.displacement - targets.motion.nan_to_num()).abs()
    likelihood = distance * torch.exp(-predicted.log_scale) + predicted.log_scale
    present = targets.present.unsqueeze(-1)
    return CandidateLosses(
        _masked_mean(offset, present.expand_as(offset)),
        _masked_mean(size, present.expand_as(size)),
        _masked_mean(speed, targets.velocity.isfinite()),
        _masked_mean(likelihood, targets.motion.isfinite()),
    )


def _masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    return (values * mask).sum() / mask.sum().clamp(min=1)
