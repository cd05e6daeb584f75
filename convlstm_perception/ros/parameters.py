"""The node's parameters: described and range-checked from the settings' own definitions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

from convlstm_perception.engine import EngineSettings
from convlstm_perception.errors import ParameterError
from convlstm_perception.settings import Setting, described_fields, setting, validate
from convlstm_perception.stream import PipelineSettings, TrackerSettings


@dataclass(frozen=True)
class NodeSettings:
    """Everything that the node can be told."""

    bundle: str = setting("", "folder of the model bundle; empty takes the shipped one")
    transport: str = setting(
        "raw",
        "'raw' subscribes to image, 'compressed' to image/compressed",
        choices=("raw", "compressed"),
    )
    image_reliability: str = setting(
        "best_effort",
        "reliability asked of the camera; best_effort also takes what a reliable camera sends",
        choices=("best_effort", "reliable"),
    )
    image_timeout: float = setting(
        1.0,
        "seconds without an image after which diagnostics call the camera stale",
        low=0.1,
        high=60.0,
    )
    overlay_trail: float = setting(
        3.0, "seconds of past path drawn in the overlay", low=0.0, high=60.0
    )
    autostart: bool = setting(
        False, "configure and activate by itself; false where a launch file drives the lifecycle"
    )
    inference: EngineSettings = field(default_factory=EngineSettings)
    pipeline: PipelineSettings = field(default_factory=PipelineSettings)

    def __post_init__(self) -> None:
        validate(self)


_PARTS: tuple[type, ...] = (NodeSettings, EngineSettings, PipelineSettings, TrackerSettings)


class NodeParameters:
    """Declares the parameters on a node and reads them back as :class:`NodeSettings`.

    A value that is out of range in a parameter file must not kill the process before anybody can
    be told: it is remembered, and :meth:`read` refuses it until the parameter is set anew.

    While the settings are in use, every change is refused: what the node says of itself is what it
    does.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._in_use = False
        self._refused: dict[str, str] = {}
        self._known: dict[str, Setting] = {}
        for part in _PARTS:
            for entry, known in described_fields(part):
                self._known[entry.name] = known
                self._declare(entry.name, entry.default, known)
        node.add_on_set_parameters_callback(self._judge)
        node.add_post_set_parameters_callback(self._forget)

    def read(self) -> NodeSettings:
        """The settings as they are now; they are in use from here to :meth:`release`.

        Raises:
            ParameterError: naming the parameters that are out of range.
        """
        if self._refused:
            raise ParameterError("; ".join(self._refused.values()))
        tracker = TrackerSettings(**self._values(TrackerSettings))
        pipeline = PipelineSettings(**self._values(PipelineSettings), tracker=tracker)
        inference = EngineSettings(**self._values(EngineSettings))
        settings = NodeSettings(
            **self._values(NodeSettings), inference=inference, pipeline=pipeline
        )
        self._in_use = True
        return settings

    def release(self) -> None:
        """The settings are no longer in use; parameters may change."""
        self._in_use = False

    def _judge(self, changes: list[Parameter]) -> SetParametersResult:
        for change in changes:
            known = self._known.get(change.name)
            if known is None:
                continue
            if self._in_use:
                reason = (
                    f"parameter '{change.name}' is in use; deactivate and clean up the node, set "
                    "it, and configure again"
                )
                return SetParametersResult(successful=False, reason=reason)
            if known.choices and change.value not in known.choices:
                reason = (
                    f"parameter '{change.name}': {change.value!r} is not one of "
                    f"{', '.join(known.choices)}"
                )
                return SetParametersResult(successful=False, reason=reason)
        return SetParametersResult(successful=True)

    def _forget(self, changes: list[Parameter]) -> None:
        for change in changes:
            self._refused.pop(change.name, None)

    def _values(self, part: type) -> dict[str, Any]:
        return {
            entry.name: self._node.get_parameter(entry.name).value
            for entry, _ in described_fields(part)
        }

    def _declare(self, name: str, default: Any, known: Setting) -> None:
        descriptor = _descriptor(default, known)
        try:
            self._node.declare_parameter(name, default, descriptor)
        except (InvalidParameterValueException, InvalidParameterTypeException) as error:
            if known.low is not None:
                allowed = f"allowed: [{known.low}, {known.high}], default {default}"
            else:
                allowed = f"default {default!r}"
            self._refused[name] = f"parameter '{name}': {error} ({allowed})"
            self._node.declare_parameter(name, default, descriptor, ignore_override=True)


def _descriptor(default: Any, known: Setting) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(description=known.description)
    if known.choices:
        descriptor.additional_constraints = f"one of: {', '.join(known.choices)}"
    if known.low is None or known.high is None:
        return descriptor
    if isinstance(default, float):
        descriptor.floating_point_range = [
            FloatingPointRange(from_value=float(known.low), to_value=float(known.high))
        ]
    else:
        descriptor.integer_range = [
            IntegerRange(from_value=int(known.low), to_value=int(known.high), step=1)
        ]
    return descriptor
