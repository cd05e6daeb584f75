"""The perception node: its parameters, topics and lifecycle. The other launch files include it."""

from launch import Action, LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.substitutions import EnvironmentVariable, LaunchConfiguration
from launch_ros.actions import LifecycleNode

from convlstm_perception.engine import ENGINE_CHOICES
from convlstm_perception.ros.launching import BringUp, flag, overlaid, params_file, shared

IMAGE = "/camera/image_raw"  # where neither the command line nor params_file names a topic

OVERLAID = {
    "image": ("image_topic", str),
    "camera_info": ("camera_info_topic", str),
    "target_frame": ("target_frame", str),
    "bundle": ("bundle", str),
    "engine": ("engine", str),
    "use_sim_time": ("use_sim_time", bool),
}


def start(context: LaunchContext) -> list[Action]:
    """The node, and what brings it up."""

    def given(name: str) -> str:
        return LaunchConfiguration(name).perform(context)

    node = LifecycleNode(
        package="convlstm_perception",
        executable="convlstm_perception_node",
        name="convlstm_perception",
        namespace=LaunchConfiguration("namespace"),
        output="screen",
        parameters=[LaunchConfiguration("params_file"), overlaid(context, OVERLAID)],
        # Only then, for it would also catch a topic named image in the node's namespace.
        remappings=[] if given("image") else [("image", IMAGE)],
        arguments=["--ros-args", "--log-level", LaunchConfiguration("log_level")],
        respawn=given("respawn") == "true",
        respawn_delay=1.0,
    )
    bring_up = [BringUp(node, float(given("retry")))] if given("autostart") == "true" else []
    return [*bring_up, node]


def generate_launch_description() -> LaunchDescription:
    arguments = [
        DeclareLaunchArgument("namespace", default_value="", description="namespace of the node"),
        params_file(shared("config", "perception.params.yaml")),
        DeclareLaunchArgument(
            "image",
            default_value="",
            description=f"topic of the camera's images; empty takes params_file's, else {IMAGE}",
        ),
        DeclareLaunchArgument(
            "camera_info",
            default_value="",
            description="topic of the camera's calibration; empty takes params_file's, else "
            "camera_info beside the images",
        ),
        DeclareLaunchArgument(
            "target_frame",
            default_value="",
            description="frame of the answers in metres, from TF, as base_link; empty takes "
            "params_file's, which is pixels only",
        ),
        DeclareLaunchArgument(
            "bundle",
            default_value="",
            description="model bundle; empty takes params_file's, which is the shipped one",
        ),
        DeclareLaunchArgument(
            "engine",
            default_value="",
            choices=["", *ENGINE_CHOICES],
            description="what runs the networks; empty takes params_file's, which is auto",
        ),
        DeclareLaunchArgument(
            "log_level",
            default_value="info",
            choices=["debug", "info", "warn", "error", "fatal"],
            description="least severity that is logged",
        ),
        flag("autostart", True, "bring the node to active; false leaves it unconfigured"),
        DeclareLaunchArgument(
            "retry",
            default_value="0",
            description="seconds after which a failed configure is tried again; 0 does not",
        ),
        flag("respawn", False, "start the node again a second after its process has ended"),
        DeclareLaunchArgument(
            "use_sim_time",
            default_value="",
            choices=["true", "false", ""],
            description="take time from /clock, as with a simulator or a bag; empty takes "
            "params_file's, which is false",
        ),
        DeclareLaunchArgument(
            "dds_profile",
            default_value=EnvironmentVariable(
                "FASTDDS_DEFAULT_PROFILES_FILE",
                default_value=EnvironmentVariable(
                    "FASTRTPS_DEFAULT_PROFILES_FILE",  # the name until Fast DDS 2
                    default_value=shared("config", "fastdds.xml"),
                ),
            ),
            description="Fast DDS profile; the shipped one carries large images",
        ),
    ]
    profile = LaunchConfiguration("dds_profile")
    return LaunchDescription(
        [
            *arguments,
            SetEnvironmentVariable("FASTDDS_DEFAULT_PROFILES_FILE", profile),
            SetEnvironmentVariable("FASTRTPS_DEFAULT_PROFILES_FILE", profile),
            OpaqueFunction(function=start),
        ]
    )
