"""A camera of Isaac Sim, which is started by itself; see docs/simulators/isaac_sim.md."""

from launch import LaunchDescription

from convlstm_perception.ros.launching import (
    SIM_TIME_ARGUMENT,
    VIEWER_ARGUMENT,
    included,
    params_file,
    shared,
    viewer,
)


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription(
        [
            params_file(shared("config", "simulators", "isaac_sim.params.yaml")),
            SIM_TIME_ARGUMENT,
            VIEWER_ARGUMENT,
            included(__file__, "perception.launch.py"),
            *viewer(),
        ]
    )
