"""One camera: the perception node, its parameters, its topics, its lifecycle."""

from launch import Action, LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    OpaqueFunction,
    RegisterEventHandler,
    SetEnvironmentVariable,
)
from launch.conditions import IfCondition
from launch.events import matches_action
from launch.substitutions import (
    EnvironmentVariable,
    LaunchConfiguration,
    PathJoinSubstitution,
)
from launch_ros.actions import LifecycleNode
from launch_ros.event_handlers import OnStateTransition
from launch_ros.events.lifecycle import ChangeState
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare
from lifecycle_msgs.msg import Transition


def shared(*parts: str) -> PathJoinSubstitution:
    """A path below this package's share folder."""
    return PathJoinSubstitution([FindPackageShare("convlstm_perception"), *parts])


def overrides(context: LaunchContext) -> dict[str, ParameterValue]:
    """What the command line says of parameters; what it leaves out stays with params_file."""
    kinds = {"bundle": str, "use_sim_time": bool}
    return {
        name: ParameterValue(LaunchConfiguration(name), value_type=kind)
        for name, kind in kinds.items()
        if LaunchConfiguration(name).perform(context)
    }


def start(context: LaunchContext) -> list[Action]:
    """The node, and the events that drive its lifecycle."""
    node = LifecycleNode(
        package="convlstm_perception",
        executable="convlstm_perception_node",
        name="convlstm_perception",
        namespace=LaunchConfiguration("namespace"),
        output="screen",
        parameters=[LaunchConfiguration("params_file"), overrides(context)],
        remappings=[("image", LaunchConfiguration("image"))],
        arguments=["--ros-args", "--log-level", LaunchConfiguration("log_level")],
    )
    wanted = IfCondition(LaunchConfiguration("autostart"))
    configure = EmitEvent(
        event=ChangeState(
            lifecycle_node_matcher=matches_action(node),
            transition_id=Transition.TRANSITION_CONFIGURE,
        ),
        condition=wanted,
    )
    activate = RegisterEventHandler(
        OnStateTransition(
            target_lifecycle_node=node,
            start_state="configuring",
            goal_state="inactive",
            entities=[
                EmitEvent(
                    event=ChangeState(
                        lifecycle_node_matcher=matches_action(node),
                        transition_id=Transition.TRANSITION_ACTIVATE,
                    )
                )
            ],
        ),
        condition=wanted,
    )
    # The listener first: the node may answer before it would be there.
    return [activate, node, configure]


def generate_launch_description() -> LaunchDescription:
    arguments = [
        DeclareLaunchArgument("namespace", default_value="", description="namespace of the node"),
        DeclareLaunchArgument(
            "params_file",
            default_value=shared("config", "perception.params.yaml"),
            description="YAML file with the node's parameters",
        ),
        DeclareLaunchArgument(
            "image", default_value="/camera/image_raw", description="topic of the camera's images"
        ),
        DeclareLaunchArgument(
            "bundle",
            default_value="",
            description="model bundle; empty takes params_file's, which is the shipped one",
        ),
        DeclareLaunchArgument(
            "log_level",
            default_value="info",
            choices=["debug", "info", "warn", "error", "fatal"],
            description="least severity that is logged",
        ),
        DeclareLaunchArgument(
            "autostart",
            default_value="true",
            choices=["true", "false"],
            description="drive the node's lifecycle to active; false leaves it unconfigured",
        ),
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
