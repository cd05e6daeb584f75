"""Runs a launch file as ``ros2 launch`` does, which has no wheels.

python -m benchmarks.launch_program FILE [NAME:=VALUE ...]
"""

from __future__ import annotations

import sys

from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource


def main() -> int:
    """Launch until everything has ended, or SIGINT; the exit code is launch's."""
    file, *words = sys.argv[1:]
    arguments = [tuple(word.split(":=", 1)) for word in words]
    source = PythonLaunchDescriptionSource(file)
    service = LaunchService(argv=words)
    service.include_launch_description(
        LaunchDescription([IncludeLaunchDescription(source, launch_arguments=arguments)])
    )
    return service.run()


if __name__ == "__main__":
    sys.exit(main())
