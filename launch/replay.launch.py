"""A bag played to the node, its answers recorded; ends with the bag."""

import re
from pathlib import Path

from launch import Action, LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    ExecuteProcess,
    OpaqueFunction,
    RegisterEventHandler,
    TimerAction,
)
from launch.event_handlers import OnProcessExit
from launch.substitutions import LaunchConfiguration
from launch_ros.event_handlers import OnStateTransition

from convlstm_perception.ros.launching import (
    SIM_TIME_ARGUMENT,
    VIEWER_ARGUMENT,
    ending,
    included,
    played_without,
    viewer,
)

CLOCK = "100"  # /clock messages a second
LAST_ANSWERS = 3.0  # seconds that the node is given after the bag's end


def play(context: LaunchContext) -> list[Action]:
    """The recorder at once; the bag when the node is active, so that no image is lost."""

    def given(name: str) -> str:
        return LaunchConfiguration(name).perform(context)

    bag = Path(given("bag"))
    answers = given("answers") or f"{bag.with_suffix('')}_answers"
    namespace = given("namespace").strip("/")
    node = re.escape(f"/{namespace}/convlstm_perception" if namespace else "/convlstm_perception")
    record = ["ros2", "bag", "record", "--use-sim-time", "--output", answers]
    # Without overlays: images are most of a bag, and these can be drawn again.
    record += ["--regex", f"{node}/(?!.*overlay).*|/diagnostics"]
    # Answers that the bag holds would mix with the new ones.
    player = ["ros2", "bag", "play", str(bag), "--clock", CLOCK, "--rate", given("rate")]
    player += played_without(bag, f"{node}/.*|/diagnostics")
    played = ExecuteProcess(cmd=player, name="bag_player", output="screen")
    end = ending("the bag has ended")
    return [
        ExecuteProcess(cmd=record, name="bag_recorder", output="screen"),
        RegisterEventHandler(
            OnStateTransition(goal_state="active", entities=[played], handle_once=True)
        ),
        RegisterEventHandler(
            OnProcessExit(
                target_action=played, on_exit=[TimerAction(period=LAST_ANSWERS, actions=[end])]
            )
        ),
    ]


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription(
        [
            DeclareLaunchArgument("bag", description="bag with the camera's images"),
            DeclareLaunchArgument(
                "answers",
                default_value="",
                description="bag of the answers, which must not exist yet; empty takes the bag's "
                "name with _answers",
            ),
            DeclareLaunchArgument(
                "rate", default_value="1.0", description="speed of the bag; 1.0 is as recorded"
            ),
            SIM_TIME_ARGUMENT,
            VIEWER_ARGUMENT,
            included(__file__, "perception.launch.py"),
            OpaqueFunction(function=play),
            *viewer(),
        ]
    )
