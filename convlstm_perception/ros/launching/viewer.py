"""Something to look at the answers with, where a launch file is asked for it."""

from __future__ import annotations

from launch.actions import DeclareLaunchArgument
from launch.conditions import IfCondition
from launch.substitutions import EqualsSubstitution, LaunchConfiguration
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

    def chosen(name: str) -> IfCondition:
        return IfCondition(EqualsSubstitution(LaunchConfiguration("viewer"), name))

    return [
        Node(
            package="rviz2",
            executable="rviz2",
            name="rviz",
            arguments=["-d", shared("config", "rviz", "perception.rviz")],
            parameters=[
                {"use_sim_time": EqualsSubstitution(LaunchConfiguration("use_sim_time"), "true")}
            ],
            output="screen",
            condition=chosen("rviz"),
        ),
        Node(
            package="foxglove_bridge",
            executable="foxglove_bridge",
            name="foxglove_bridge",
            output="screen",
            condition=chosen("foxglove"),
        ),
    ]
