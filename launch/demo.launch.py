"""A video, or a scene that the package generates, played to the node."""

import sys
from pathlib import Path

from launch import Action, LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, ExecuteProcess, OpaqueFunction
from launch.logging import get_logger
from launch.substitutions import LaunchConfiguration

from convlstm_perception.data.video import open_source
from convlstm_perception.demo.footage import choose_footage
from convlstm_perception.ros.launching import VIEWER_ARGUMENT, ending, flag, included, viewer

GENERATED_SECONDS = 20.0
GENERATED_RATE = 10.0


def play(context: LaunchContext) -> list[Action]:
    """The player; it waits for the node, so that no image is lost."""

    def given(name: str) -> str:
        return LaunchConfiguration(name).perform(context)

    if given("video"):
        source = Path(given("video"))
        open_source(source).close()  # what cannot be played is told before anything starts
    else:
        source = choose_footage(
            None,
            generated=True,
            rate=GENERATED_RATE,
            seconds=GENERATED_SECONDS,
            report=get_logger("demo").info,
        ).path
    command = [sys.executable, "-m", "convlstm_perception.cli.main", "play", str(source)]
    command += ["--topic", given("image"), "--rate", given("rate"), "--wait-for-subscribers", "1"]
    if given("loop") == "true":
        command.append("--loop")
    if given("calibration"):
        command += ["--camera-info", given("calibration")]
    ended = ending("the video has ended")
    return [ExecuteProcess(cmd=command, name="player", output="screen", on_exit=ended)]


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                "video",
                default_value="",
                description="video file or folder of images; empty plays a generated scene",
            ),
            DeclareLaunchArgument(
                "rate",
                default_value="source",
                description="images a second; source takes the video's own",
            ),
            flag("loop", True, "begin again at the video's end; false ends everything there"),
            DeclareLaunchArgument(
                "calibration",
                default_value="",
                description="calibration of the video's camera, as camera_calibration writes it",
            ),
            DeclareLaunchArgument(
                "image",
                default_value="/camera/image_raw",
                description="topic that the images are played on and the node listens to",
            ),
            VIEWER_ARGUMENT,
            included(__file__, "perception.launch.py"),
            OpaqueFunction(function=play),
            *viewer(),
        ]
    )
