"""The node's process: executor, signals, an end in order."""

from __future__ import annotations

import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

_EXIT_USAGE = 2


def run_until_signalled(make_node: Callable[[rclpy.Context], Node]) -> int:
    """Run a node until SIGINT or SIGTERM; both end it in order.

    Returns:
        The exit code: 0, or 2 where the command line cannot be read.
    """
    with _stop_on_signal() as (awaken, sleeper):
        context = rclpy.Context()
        try:
            rclpy.init(
                args=sys.argv, context=context, signal_handler_options=SignalHandlerOptions.NO
            )
            node = make_node(context)
        except RuntimeError as error:  # rclpy's own errors derive from it
            print(
                f"{error}\nCheck what follows --ros-args on the command line, and where "
                "ROS_SECURITY_ENABLE is set the keystore and that this DDS has security.",
                file=sys.stderr,
            )
            context.try_shutdown()
            return _EXIT_USAGE
        # Not the events executor: that of rclpy 7.1.6 brings a lifecycle node no messages, keeps a
        # core busy, and can be ended neither by a signal nor from another thread.
        executor = SingleThreadedExecutor(context=context)
        executor.add_node(node)
        crashed: list[BaseException] = []

        def spin() -> None:
            try:
                executor.spin()
            except ExternalShutdownException:
                pass
            except BaseException as error:
                crashed.append(error)
            finally:
                awaken.send(b"\0")

        # Python runs signal handlers in the main thread, so it does nothing but wait.
        spinner = threading.Thread(target=spin, name="executor")
        spinner.start()
        sleeper.recv(1)
        try:
            # As a task, for shutdown() does not wait for a spinning thread: it would take away the
            # guard conditions that this thread is about to use.
            executor.create_task(executor.shutdown)
            spinner.join()
            executor.shutdown()  # where spin() ended by an error, before the task
            node.destroy_node()
        finally:
            context.try_shutdown()
        if crashed:
            raise crashed[0]
        return 0


@contextmanager
def _stop_on_signal() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Sockets: from the second one byte can be read after a SIGINT, a SIGTERM or a byte sent
    into the first.

    No event that a handler sets, for the main thread may never come to run the handler: the
    system can give a signal of the process to any thread, and does so when a thread starts others,
    as ONNX Runtime's loading does. The main thread then sleeps on in its wait for the event. The
    byte is written in whichever thread took the signal.
    """

    def on_signal(number: int, frame: FrameType | None) -> None:
        """The byte that comes with it is all that is needed."""

    sleeper, awaken = socket.socketpair()
    with sleeper, awaken:
        awaken.setblocking(False)
        signal.set_wakeup_fd(awaken.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, on_signal)
        try:
            yield awaken, sleeper
        finally:
            signal.set_wakeup_fd(-1)
