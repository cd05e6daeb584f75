#!/bin/bash
# Run a command with ROS 2 and this workspace sourced.
set -e
. /opt/ros/jazzy/setup.bash
. /ws/install/setup.bash
exec "$@"
