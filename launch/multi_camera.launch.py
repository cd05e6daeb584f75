"""Several cameras in one node: one model, answers under the cameras' names."""

from launch import LaunchDescription

from convlstm_perception.ros.launching import included, params_file, shared


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription(
        [
            params_file(shared("config", "two_cameras.params.yaml")),
            included(__file__, "perception.launch.py"),
        ]
    )
