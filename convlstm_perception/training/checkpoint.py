"""Reading checkpoints of any training."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from convlstm_perception.errors import BundleError


def read_checkpoint(path: Path, key: str = "phase", command: str = "train") -> dict[str, Any]:
    """What Lightning stored: ``hyper_parameters``, ``state_dict`` and more.

    Args:
        path: of the checkpoint.
        key: that tells the hyperparameters of this training from others'.
        command: that trains so, for messages.

    Raises:
        BundleError: when the file is missing or no checkpoint of this training.
    """
    try:
        stored: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        stored["hyper_parameters"][key], stored["state_dict"]
    except (OSError, KeyError, TypeError, RuntimeError, pickle.UnpicklingError) as error:
        raise BundleError(
            f"{path}: not a checkpoint of convlstm-perception {command} ({error})"
        ) from error
    return stored


def checkpoint_phase(path: Path) -> str:
    """The phase that a checkpoint is of.

    Raises:
        BundleError: as :func:`read_checkpoint`.
    """
    return str(read_checkpoint(path)["hyper_parameters"]["phase"])
