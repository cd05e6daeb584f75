"""Launch files as tests need them: run as a process, or described without running anything."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import rclpy
from launch import LaunchContext, LaunchDescription
from launch.actions import (
    ExecuteLocal,
    IncludeLaunchDescription,
    RegisterEventHandler,
    SetEnvironmentVariable,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LocalSubstitution
from launch.utilities import perform_substitutions
from launch_ros.actions import Node
from launch_ros.utilities import evaluate_parameters
from rclpy.signals import SignalHandlerOptions

from convlstm_perception.demo.processes import (
    Child,
    find_profile,
    free_domain,
    isolated_environment,
)
from tests.support.node import NodeUnderTest

LAUNCH = Path(__file__).resolve().parents[2] / "launch"


def launch_file(name: str, **arguments: str) -> IncludeLaunchDescription:
    """A launch file of the package with arguments."""
    source = PythonLaunchDescriptionSource(str(LAUNCH / f"{name}.launch.py"))
    return IncludeLaunchDescription(source, launch_arguments=arguments.items())


def in_domain(domain: int, *actions: Any) -> LaunchDescription:
    """Actions in a ROS domain of their own, for launch_pytest."""
    from launch_pytest.actions import ReadyToTest

    variables = isolated_environment(domain, find_profile())
    environment = [SetEnvironmentVariable(*variable) for variable in variables.items()]
    return LaunchDescription([*environment, *actions, ReadyToTest()])


@contextmanager
def watching(domain: int, name: str, child: Child | None = None) -> Iterator[NodeUnderTest]:
    """A node of the test's own that looks at the launched one."""
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domain, signal_handler_options=SignalHandlerOptions.NO)
    try:
        yield NodeUnderTest(child, context, name)
    finally:
        context.try_shutdown()


@contextmanager
def _running(folder: Path, file: str, domain: int, **arguments: str) -> Iterator[Child]:
    """Run a launch file as a process in a ROS domain; end it with the block."""
    environment = {**os.environ, **isolated_environment(domain, find_profile())}
    environment["ROS_LOG_DIR"] = str(folder / "ros_logs")
    command = [sys.executable, "-m", "benchmarks.launch_program"]
    command += [str(LAUNCH / f"{file}.launch.py")]
    command += [f"{name}:={value}" for name, value in arguments.items()]
    with Child("launch", command, folder / "launch.log", environment) as child:
        yield child


@contextmanager
def launched(
    folder: Path, file: str, node: str = "/convlstm_perception", **arguments: str
) -> Iterator[NodeUnderTest]:
    """Run a launch file as a process in a ROS domain of its own; end it with the block.

    Args:
        folder: of its logs.
        file: name of the launch file.
        node: full name of the node that it starts.
        arguments: of the launch file.
    """
    domain = free_domain()
    with (
        _running(folder, file, domain, **arguments) as child,
        watching(domain, node, child) as watched,
    ):
        yield watched


def run_to_its_end(folder: Path, file: str, **arguments: str) -> tuple[int, str]:
    """Run a launch file that ends by itself, and give its exit code and its log.

    Nothing looks at the node, which may be gone before another process has found it.
    """
    with _running(folder, file, free_domain(), **arguments) as child:
        while child.exit_code is None:
            time.sleep(0.1)
        return child.exit_code, child.log.read_text(errors="replace")


@dataclass
class Described:
    """What a launch file would do.

    Attributes:
        programs: arguments of each program by its name, of a node's by package and executable.
        later: likewise, of programs that wait for an event.
        parameters: of each node, by package and executable; files by their path.
        configurations: every argument with its value.
    """

    programs: dict[str, list[str]] = field(default_factory=dict)
    later: dict[str, list[str]] = field(default_factory=dict)
    parameters: dict[str, list[Any]] = field(default_factory=dict)
    configurations: dict[str, str] = field(default_factory=dict)


def described(name: str, **arguments: str) -> Described:
    """Follow a launch file with a real launch context, but start no program."""
    context, result = LaunchContext(), Described()
    _follow(launch_file(name, **arguments), context, result, result.programs)
    result.configurations = dict(context.launch_configurations)
    return result


def write_foreign_launch_file(prefix: Path, package: str, file: str, *arguments: str) -> None:
    """A package that is not installed, with a launch file that shows the arguments it got."""
    index = prefix / "share" / "ament_index" / "resource_index" / "packages"
    index.mkdir(parents=True, exist_ok=True)
    (index / package).touch()
    path = prefix / "share" / package / file
    path.parent.mkdir(parents=True, exist_ok=True)
    words = "".join(f", LaunchConfiguration({name!r})" for name in arguments)
    path.write_text(
        "from launch import LaunchDescription\n"
        "from launch.actions import ExecuteProcess\n"
        "from launch.substitutions import LaunchConfiguration\n"
        "def generate_launch_description():\n"
        f"    return LaunchDescription([ExecuteProcess(cmd=[{package!r}{words}])])\n"
    )


def _follow(
    entity: Any, context: LaunchContext, result: Described, programs: dict[str, list[str]]
) -> None:
    if getattr(entity, "condition", None) and not entity.condition.evaluate(context):
        return
    if isinstance(entity, ExecuteLocal):
        first, *rest = entity.cmd
        if isinstance(entity, Node):
            name = f"{entity.node_package} {entity.node_executable}"
            result.parameters[name] = evaluate_parameters(context, entity._Node__parameters)
        else:
            name = perform_substitutions(context, first)
        # A node's name and namespace are known only when it runs.
        words = [word for word in rest if not isinstance(word[0], LocalSubstitution)]
        programs[name] = [perform_substitutions(context, word) for word in words]
    elif isinstance(entity, RegisterEventHandler):
        for later in entity.event_handler.describe()[1]:
            if isinstance(later, ExecuteLocal):  # other actions need what happened
                _follow(later, context, result, result.later)
    else:
        for child in entity.visit(context) or ():
            _follow(child, context, result, programs)
