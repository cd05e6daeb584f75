"""Arguments of launch files, and how they become parameters."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from launch import LaunchContext, SomeSubstitutionsType
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

SIM_TIME_ARGUMENT = DeclareLaunchArgument(
    "use_sim_time",
    default_value="true",
    choices=["true", "false"],
    description="take time from /clock, as the simulator or the bag tells it",
)
"""To be declared where time does not come from the machine's clock."""


def shared(*parts: str) -> PathJoinSubstitution:
    """A path below this package's share folder."""
    return PathJoinSubstitution([FindPackageShare("convlstm_perception"), *parts])


def flag(name: str, default: bool, description: str) -> DeclareLaunchArgument:
    """An argument that is true or false."""
    return DeclareLaunchArgument(
        name,
        default_value="true" if default else "false",
        choices=["true", "false"],
        description=description,
    )


def params_file(default: SomeSubstitutionsType) -> DeclareLaunchArgument:
    """The argument ``params_file``."""
    return DeclareLaunchArgument(
        "params_file",
        default_value=default,
        description="YAML file with the node's parameters: cameras, topics, metres",
    )


def included(beside: str, name: str) -> IncludeLaunchDescription:
    """Another launch file of this package. It sees the arguments of the one that includes it.

    Args:
        beside: ``__file__`` of the launch file that includes; a plain path, so that
            ``--show-args`` lists the arguments of both.
        name: of the file to include.
    """
    return IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(Path(beside).with_name(name)))
    )


def overlaid(
    context: LaunchContext, arguments: Mapping[str, tuple[str, type]]
) -> dict[str, ParameterValue]:
    """What the command line says of parameters; what it leaves empty stays with the file.

    Args:
        context: of the launch.
        arguments: for each argument the parameter that it sets, and that one's type.
    """
    return {
        parameter: ParameterValue(LaunchConfiguration(name), value_type=kind)
        for name, (parameter, kind) in arguments.items()
        if LaunchConfiguration(name).perform(context)
    }
