"""rclpy's classes of messages, found by name: not every package of them need be installed."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from typing import Any

from convlstm_perception.errors import ParameterError


def message_classes(names: Iterable[str]) -> dict[str, Any]:
    """Type names, as ``vision_msgs/msg/Point2D``, to rclpy's classes.

    Raises:
        ImportError: a package is not installed.
        AttributeError: it has no such message.
    """
    classes = {}
    for name in names:
        package, kind, message = name.split("/")
        classes[name] = getattr(importlib.import_module(f"{package}.{kind}"), message)
    return classes


def optional_message_classes(
    names: Iterable[str], fields: Mapping[str, Iterable[str]], parameter: str
) -> dict[str, Any]:
    """The same, for what a parameter asks for.

    Args:
        names: of the types.
        fields: by type name, those that are set. rclpy takes no notice of a field that a class does
            not have: without this check, another version's messages would go out half empty.
        parameter: that asks for them.

    Raises:
        ParameterError: naming the parameter and the package that is missing or another version.
    """
    classes: dict[str, Any] = {}
    for name in names:
        package = name.split("/")[0]
        try:
            classes |= message_classes([name])
        except (ImportError, AttributeError) as error:
            raise ParameterError(
                f"parameter '{parameter}': {name} is not to be had ({error}); install "
                f"ros-$ROS_DISTRO-{package.replace('_', '-')}, or build and source {package}, or "
                "set it to false"
            ) from error
        found = classes[name].get_fields_and_field_types()
        lacking = [field for field in fields.get(name, ()) if field not in found]
        if lacking:
            raise ParameterError(
                f"parameter '{parameter}': the installed {package} is another version: {name} has "
                f"no {', '.join(lacking)}, but {', '.join(found)}; set it to false, or install the "
                "version that docs/outputs.md names"
            )
    return classes
