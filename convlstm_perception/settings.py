"""Settings: dataclasses whose fields carry their default, range and description.

ROS parameters, their descriptors and the command line's help are all made of these.
"""

from __future__ import annotations

from dataclasses import Field, dataclass, field, fields
from typing import Any

from convlstm_perception.errors import ParameterError


@dataclass(frozen=True)
class Setting:
    """What is known of a setting beside its default.

    Attributes:
        description: what it does, with its unit.
        low, high: inclusive range of a number.
        choices: allowed values of a text; empty where any is.
        live: whether it may change while it is in use.
    """

    description: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    live: bool = False


def setting(
    default: Any,
    description: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    live: bool = False,
) -> Any:
    """A dataclass field that carries a :class:`Setting`."""
    known = Setting(description, low, high, choices, live)
    return field(default=default, metadata={"setting": known})


def described_fields(settings: Any) -> list[tuple[Field[Any], Setting]]:
    """The fields of a settings dataclass that are settings themselves."""
    return [
        (entry, entry.metadata["setting"])
        for entry in fields(settings)
        if "setting" in entry.metadata
    ]


def validate(settings: Any) -> None:
    """Check every setting of a dataclass against its range or its choices.

    Raises:
        ParameterError: naming the parameter, its value and what is allowed.
    """
    for entry, known in described_fields(settings):
        value = getattr(settings, entry.name)
        if (
            known.low is not None
            and known.high is not None
            and not known.low <= value <= known.high
        ):
            raise ParameterError(
                f"parameter '{entry.name}': {value} is outside [{known.low}, {known.high}]"
            )
        if known.choices and value not in known.choices:
            raise ParameterError(
                f"parameter '{entry.name}': {value!r} is not one of {', '.join(known.choices)}"
            )
