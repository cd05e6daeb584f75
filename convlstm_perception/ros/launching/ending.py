"""The end of everything that was launched, when one program has ended."""

from __future__ import annotations

from launch import Action, LaunchContext
from launch.actions import OpaqueFunction, Shutdown


def ending(reason: str) -> OpaqueFunction:
    """An action that ends the launch, unless it is ending already.

    A program also ends when Ctrl-C has ended the launch. A second Shutdown then makes launch_ros
    fail, and the exit code 1.
    """

    def end(context: LaunchContext) -> list[Action]:
        return [] if context.is_shutdown else [Shutdown(reason=reason)]

    return OpaqueFunction(function=end)
