"""The node's parameters as a bag recorded them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convlstm_perception.settings import described_fields
from convlstm_perception.stream import PipelineSettings, QualitySettings, TrackerSettings

PARAMETERS_TOPIC = "/parameter_events"
PARAMETERS_TYPE = "rcl_interfaces/msg/ParameterEvent"

# rcl_interfaces/ParameterType to the field of a ParameterValue that holds the value.
_FIELDS = {1: "bool_value", 2: "integer_value", 3: "double_value", 4: "string_value"}


class RecordedParameters:
    """Follows the parameter events of the node that gave some answers.

    Args:
        prefixes: of the answers' topics; they begin with the node's name.
    """

    def __init__(self, prefixes: Sequence[str]) -> None:
        self._prefixes = prefixes
        self.values: dict[str, Any] = {}

    def follow(self, event: Any) -> bool:
        """Take an event in; whether it is of this node and told of a value."""
        node = event.node
        if not any(prefix == node or prefix.startswith(f"{node}/") for prefix in self._prefixes):
            return False
        told = {
            parameter.name: getattr(parameter.value, _FIELDS[parameter.value.type])
            for parameter in (*event.new_parameters, *event.changed_parameters)
            if parameter.value.type in _FIELDS
        }
        self.values |= told
        return bool(told)

    def pipeline(self) -> PipelineSettings:
        """The settings that they give; defaults where nothing was recorded.

        Raises:
            ParameterError: when a value is out of range.
        """
        return PipelineSettings(
            **self._of(PipelineSettings),
            quality=QualitySettings(**self._of(QualitySettings)),
            tracker=TrackerSettings(**self._of(TrackerSettings)),
        )

    def _of(self, part: type) -> dict[str, Any]:
        names = [entry.name for entry, _ in described_fields(part)]
        return {name: self.values[name] for name in names if name in self.values}
