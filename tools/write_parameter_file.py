"""Write config/perception.params.yaml anew from the settings that the node declares.

. .venv/ros_env.sh && python tools/write_parameter_file.py
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import Field
from pathlib import Path
from typing import Any

from convlstm_perception.ros.parameters import PARTS
from convlstm_perception.settings import Setting, described_fields

PATH = Path(__file__).resolve().parents[1] / "config" / "perception.params.yaml"
HEADER = """\
# Every parameter of the node with its default; made by tools/write_parameter_file.py.
# Of cameras with names, those from image_topic to enabled may also be given for each:
#   cameras: ["front", "rear"]
#   front.image_topic: "/front/image_raw"
# What is marked * may be set at any time, the rest while the node is unconfigured.
/**:
  ros__parameters:
"""


def described(known: Setting) -> str:
    """A parameter's description with what it may be."""
    allowed = ""
    if known.low is not None:
        allowed = f" ({known.low:g} to {known.high:g})"
    elif known.choices:
        allowed = f" (one of: {', '.join(known.choices)})"
    return f"{'* ' if known.live else ''}{known.description}{allowed}"


def lines(entry: Field[Any], known: Setting) -> Iterator[str]:
    """A parameter's lines."""
    yield f"    # {described(known)}"
    yield f"    {entry.name}: {json.dumps(entry.default)}"


def parameter_file() -> str:
    """The whole file."""
    body = [line for part in PARTS for field in described_fields(part) for line in lines(*field)]
    return HEADER + "\n".join(body) + "\n"


if __name__ == "__main__":
    PATH.write_text(parameter_file())
