"""CARLA's front camera, by carla-ros-bridge or by CARLA's own ROS 2."""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.conditions import IfCondition
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.substitutions import FindPackageShare

from convlstm_perception.ros.launching import (
    SIM_TIME_ARGUMENT,
    VIEWER_ARGUMENT,
    flag,
    included,
    params_file,
    shared,
    viewer,
)

BRIDGE = "carla_ros_bridge"


def generate_launch_description() -> LaunchDescription:
    bridge = [FindPackageShare(BRIDGE), f"{BRIDGE}_with_example_ego_vehicle.launch.py"]
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                "interface",
                default_value="ros_bridge",
                choices=["ros_bridge", "native"],
                description="what brings the images: carla-ros-bridge, or CARLA started with "
                "--ros2; chooses the default params_file",
            ),
            params_file(
                [
                    shared("config", "simulators", "carla_"),
                    LaunchConfiguration("interface"),
                    ".params.yaml",
                ]
            ),
            flag("bridge", False, "also start carla-ros-bridge with its example vehicle"),
            DeclareLaunchArgument(
                "host", default_value="localhost", description="of CARLA, for the bridge"
            ),
            DeclareLaunchArgument("port", default_value="2000", description="likewise"),
            DeclareLaunchArgument(
                "town", default_value="Town10HD", description="that the bridge loads"
            ),
            SIM_TIME_ARGUMENT,
            VIEWER_ARGUMENT,
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(PathJoinSubstitution(bridge)),
                launch_arguments={
                    name: LaunchConfiguration(name) for name in ("host", "port", "town")
                }.items(),
                condition=IfCondition(LaunchConfiguration("bridge")),
            ),
            included(__file__, "perception.launch.py"),
            *viewer(),
        ]
    )
