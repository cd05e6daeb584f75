"""The node's parameters: described and range-checked from the settings' own definitions."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from dataclasses import asdict
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
from convlstm_perception.ground import GroundSettings
from convlstm_perception.ros.output_settings import OutputSettings
from convlstm_perception.ros.rclpy_differences import call_after_parameters_are_set
from convlstm_perception.ros.settings import (
    INHERITED,
    BlackBoxSettings,
    CameraSettings,
    NodeSettings,
    check_camera_names,
)
from convlstm_perception.settings import Setting, described_fields
from convlstm_perception.stream import (
    PipelineSettings,
    QualitySettings,
    SyncSettings,
    TrackerSettings,
)

PARTS: tuple[type, ...] = (
    NodeSettings,
    CameraSettings,
    OutputSettings,
    SyncSettings,
    BlackBoxSettings,
    GroundSettings,
    EngineSettings,
    PipelineSettings,
    QualitySettings,
    TrackerSettings,
)
"""Every settings dataclass that parameters are made of."""


class NodeParameters:
    """Declares the parameters on a node and reads them back as :class:`NodeSettings`.

    A value that is out of range in a parameter file must not kill the process before anybody can
    be told: it is remembered, and :meth:`read` refuses it until the parameter is set anew.

    While the settings are in use only those change that may, and the others are refused: what the
    node says of itself is what it does.

    Args:
        node: to declare them on.
        on_change: called with the settings in use when some of them have changed.
    """

    def __init__(self, node: Node, on_change: Callable[[NodeSettings], None]) -> None:
        self._node, self._on_change = node, on_change
        self._in_use = False
        self._refused: dict[str, str] = {}
        self._known: dict[str, Setting] = {}
        for part in PARTS:
            for entry, known in described_fields(part):
                self._declare(entry.name, entry.default, known)
        self._declare_cameras()
        node.add_on_set_parameters_callback(self._judge)
        call_after_parameters_are_set(node, self._accept)

    def read(self) -> NodeSettings:
        """The settings as they are now; they are in use from here to :meth:`release`.

        Raises:
            ParameterError: naming the parameters that are out of range.
        """
        check_camera_names(self._cameras({}))
        self._declare_cameras()
        if self._refused:
            raise ParameterError("; ".join(self._refused.values()))
        settings = self._settings({})
        self._in_use = True
        return settings

    def release(self) -> None:
        """The settings are no longer in use; parameters may change."""
        self._in_use = False

    def values(self) -> Mapping[str, Any]:
        """Every parameter of ours with its value."""
        return {name: self._value(name, {}) for name in self._known}

    def _judge(self, changes: list[Parameter]) -> SetParametersResult:
        try:
            for change in changes:
                if change.name in self._known:
                    self._check(change.name, change.value)
            if self._in_use:
                self._settings({change.name: change.value for change in changes})
        except ParameterError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _check(self, name: str, value: Any) -> None:
        known = self._known[name]
        if self._in_use and not known.live:
            raise ParameterError(
                f"parameter '{name}' is in use; deactivate and clean up the node, set it, and "
                "configure again"
            )
        if known.choices and value not in known.choices:
            raise ParameterError(
                f"parameter '{name}': {value!r} is not one of {', '.join(known.choices)}"
            )

    def _accept(self, changes: list[Parameter]) -> None:
        names = {change.name for change in changes}
        for name in names:
            self._refused.pop(name, None)
        if self._in_use and names & self._known.keys():
            self._on_change(self._settings({}))

    def _settings(self, changes: Mapping[str, Any]) -> NodeSettings:
        """The settings with some values changed.

        Raises:
            ParameterError: when they do not go together.
        """

        def values(part: type, prefix: str = "") -> dict[str, Any]:
            names = {entry.name: prefix + entry.name for entry, _ in described_fields(part)}
            return {field: self._value(name, changes) for field, name in names.items()}

        cameras = self._cameras(changes)
        pipeline = PipelineSettings(
            **values(PipelineSettings),
            quality=QualitySettings(**values(QualitySettings)),
            tracker=TrackerSettings(**values(TrackerSettings)),
        )
        return NodeSettings(
            **values(NodeSettings) | {"cameras": cameras},
            camera={
                name: CameraSettings(**values(CameraSettings, _prefix(name))) for name in cameras
            },
            outputs=OutputSettings(**values(OutputSettings)),
            black_box=BlackBoxSettings(**values(BlackBoxSettings)),
            sync=SyncSettings(**values(SyncSettings)),
            ground=GroundSettings(**values(GroundSettings)),
            inference=EngineSettings(**values(EngineSettings)),
            pipeline=pipeline,
        )

    def _value(self, name: str, changes: Mapping[str, Any]) -> Any:
        value = changes[name] if name in changes else self._node.get_parameter(name).value
        return list(value) if isinstance(value, array) else value

    def _cameras(self, changes: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(self._value("cameras", changes) or ())

    def _declare_cameras(self) -> None:
        """The parameters of the named cameras; those of new names are declared when read."""
        general = {name: self._node.get_parameter(name).value for name in INHERITED}
        defaults = asdict(CameraSettings()) | general
        for camera in self._cameras({}):
            for entry, known in described_fields(CameraSettings):
                name = _prefix(camera) + entry.name
                if camera and name not in self._known:
                    self._declare(name, defaults[entry.name], known)

    def _declare(self, name: str, default: Any, known: Setting) -> None:
        self._known[name] = known
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


def _prefix(camera: str) -> str:
    return f"{camera}." if camera else ""


def _descriptor(default: Any, known: Setting) -> ParameterDescriptor:
    when = "at any time" if known.live else "while the node is unconfigured"
    constraints = [f"one of: {', '.join(known.choices)}"] if known.choices else []
    constraints.append(f"may be set {when}")
    descriptor = ParameterDescriptor(
        description=known.description, additional_constraints="; ".join(constraints)
    )
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
