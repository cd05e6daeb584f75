"""Gazebo with people who walk before a camera, its bridges, and the node."""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.conditions import IfCondition
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
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

GAZEBO = [FindPackageShare("ros_gz_sim"), "launch", "gz_sim.launch.py"]


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription(
        [
            params_file(shared("config", "simulators", "gazebo.params.yaml")),
            flag("gazebo", True, "start Gazebo; false where it runs already"),
            DeclareLaunchArgument(
                "world",
                default_value=shared("config", "gazebo", "pedestrians.sdf"),
                description="world that Gazebo opens",
            ),
            DeclareLaunchArgument(
                "gz_options",
                default_value="-r",
                description="of gz sim, before the world; '-r -s --headless-rendering' without a "
                "window",
            ),
            DeclareLaunchArgument(
                "gz_image", default_value="/camera", description="topic of the images in Gazebo"
            ),
            SIM_TIME_ARGUMENT,
            VIEWER_ARGUMENT,
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(PathJoinSubstitution(GAZEBO)),
                launch_arguments={
                    "gz_args": [
                        LaunchConfiguration("gz_options"),
                        " ",
                        LaunchConfiguration("world"),
                    ]
                }.items(),
                condition=IfCondition(LaunchConfiguration("gazebo")),
            ),
            Node(
                package="ros_gz_bridge",
                executable="parameter_bridge",
                name="gazebo_bridge",
                parameters=[{"config_file": shared("config", "gazebo", "bridge.yaml")}],
                output="screen",
            ),
            Node(
                package="ros_gz_image",
                executable="image_bridge",
                name="gazebo_image_bridge",
                arguments=[LaunchConfiguration("gz_image")],
                output="screen",
            ),
            included(__file__, "perception.launch.py"),
            *viewer(),
        ]
    )
