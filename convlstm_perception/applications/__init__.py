"""Uses of ConvLSTM, each worked out: data, training, baselines beside it, figures and pictures.

Each module named in :data:`APPLICATIONS` has ``run(request)``, which writes ``scores.json``,
pictures and an animation; the rest of this folder are data and baselines that only they need. A new
use is a module and a line here.
"""

from __future__ import annotations

import importlib

from convlstm_perception.applications.request import ApplicationRequest
from convlstm_perception.errors import ParameterError

APPLICATIONS = {
    "video": "video prediction: Moving MNIST, beside FC-LSTM and the last frame",
    "driving": "pedestrians and where they will be: the shipped model on a generated scene",
    "weather": "rain of the next hour from radar, beside advection and persistence",
    "medical": "ultrasound of a heart and functional MRI, beside regression and persistence",
}
"""By the name of its module here: what it is. Modules are imported when they are run."""


def run_application(name: str, request: ApplicationRequest) -> None:
    """Run one use.

    Args:
        name: one of ``APPLICATIONS``.
        request: what is asked of it.

    Raises:
        ParameterError: for another name.
        PerceptionError: when data cannot be used.
    """
    if name not in APPLICATIONS:
        raise ParameterError(f"application {name!r}: not one of {', '.join(APPLICATIONS)}")
    importlib.import_module(f"{__name__}.{name}").run(request)


__all__ = ["APPLICATIONS", "ApplicationRequest", "run_application"]
