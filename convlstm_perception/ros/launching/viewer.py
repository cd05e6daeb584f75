"""Something to look at the answers with, where a launch file is asked for it."""

from __future__ import annotations

from launch.actions import DeclareLaunchArgument
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration, PythonExpression
from launch_ros.actions import Node

from convlstm_perception.ros.launching.arguments import shared

VIEWER_ARGUMENT = DeclareLaunchArgument(
    "viewer",
    default_value="none",
    choices=["none", "rviz", "foxglove"],
    description="also start RViz with the shipped file, or foxglove_bridge for Foxglove",
)
"""To be declared by a launch file that has :func:`viewer` among its actions."""


def viewer() -> list[Node]:
    """The viewers; the argument chooses among them. To stand after the included node."""

    return [
        Node(
            package="rviz2",
            executable="rviz2",
            name="rviz",
            arguments=["-d", shared("config", "rviz", "perception.rviz")],
            parameters=[{"use_sim_time": _equal("use_sim_time", "true")}],
            output="screen",
            condition=IfCondition(_equal("viewer", "rviz")),
        ),
        Node(
            package="foxglove_bridge",
            executable="foxglove_bridge",
            name="foxglove_bridge",
            output="screen",
            condition=IfCondition(_equal("viewer", "foxglove")),
        ),
    ]


def _equal(argument: str, value: str) -> PythonExpression:
    """Not EqualsSubstitution, which Humble's launch lacks."""
    return PythonExpression(["'", LaunchConfiguration(argument), f"' == '{value}'"])
