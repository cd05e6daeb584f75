"""On a vehicle: the node comes back by itself, and its diagnostics are gathered."""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from convlstm_perception.ros.launching import flag, included, params_file, shared


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription(
        [
            params_file(shared("config", "two_cameras.params.yaml")),
            flag("respawn", True, "start the node again a second after its process has ended"),
            DeclareLaunchArgument(
                "retry",
                default_value="5",
                description="seconds after which a failed configure is tried again; 0 does not",
            ),
            flag("aggregator", True, "also start diagnostic_aggregator, which gathers diagnostics"),
            DeclareLaunchArgument(
                "aggregator_file",
                default_value=shared("config", "diagnostic_aggregator.params.yaml"),
                description="YAML file with the aggregator's analyzers",
            ),
            included(__file__, "perception.launch.py"),
            Node(
                package="diagnostic_aggregator",
                executable="aggregator_node",
                name="analyzers",
                parameters=[LaunchConfiguration("aggregator_file")],
                output="screen",
                respawn=True,
                respawn_delay=1.0,
                condition=IfCondition(LaunchConfiguration("aggregator")),
            ),
        ]
    )
