"""Publishes the node's health: once a second, and at once when a level changes."""

from __future__ import annotations

import time
from collections.abc import Callable

from convlstm_perception_msgs.msg import PerceptionStatus
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile

from convlstm_perception.ros.black_box_service import BlackBoxService
from convlstm_perception.ros.camera import Camera
from convlstm_perception.ros.diagnostics import (
    camera_diagnostics,
    camera_status,
    engine_diagnostics,
    idle_diagnostics,
    status_message,
)
from convlstm_perception.ros.health import STUCK, Health, Level, judge_camera, worst
from convlstm_perception.ros.loaded import Loaded
from convlstm_perception.ros.statistics import StreamReport
from convlstm_perception.ros.worker import InferenceWorker

_PERIOD = 1.0  # seconds, as diagnostic_updater
_LOOK = 0.2  # seconds between looks at the levels
_DEPTH = 5


class HealthReporter:
    """Looks at the node and publishes ``/diagnostics`` and ``~/status``.

    Args:
        node: to report on.
        problem: says why the node is not what it was asked to be, or "".
        black_box: keeps every message of diagnostics too.
    """

    def __init__(self, node: Node, problem: Callable[[], str], black_box: BlackBoxService) -> None:
        self._node, self._problem, self._black_box = node, problem, black_box
        self._loaded: Loaded | None = None
        self._worker: InferenceWorker | None = None
        self._levels: list[Level] = []
        self._published = 0.0
        self._twins = 0
        qos = QoSProfile(depth=_DEPTH)
        self._diagnostics = node.create_publisher(DiagnosticArray, "/diagnostics", qos)
        self._status = node.create_publisher(PerceptionStatus, "~/status", qos)
        # Steady: a simulator that pauses, and with it /clock, is no reason to fall silent.
        node.create_timer(_LOOK, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def follow(self, loaded: Loaded | None, worker: InferenceWorker | None = None) -> None:
        """Report on these parts: what is configured, and the thread of an active node."""
        self._loaded, self._worker = loaded, worker

    def _look(self) -> None:
        loaded, worker = self._loaded, self._worker
        own = self._judge_node(worker)
        seen: list[tuple[Camera, StreamReport, Health]] = []
        if loaded and worker:
            for camera in loaded.cameras.values():
                report = camera.report()
                health = judge_camera(camera, report, loaded.settings.image_timeout)
                seen.append((camera, report, health))
        now = time.monotonic()
        levels = [own.level, *(health.level for _, _, health in seen)]
        if levels == self._levels and now - self._published < _PERIOD:
            return
        self._levels, self._published = levels, now
        self._publish(own, seen)

    def _judge_node(self, worker: InferenceWorker | None) -> Health:
        node = self._node
        problem = self._problem()
        if problem:
            return Health(Level.ERROR, problem)
        if self._twins > 0:
            return Health(
                Level.WARN,
                f"{self._twins + 1} nodes bear the name {node.get_fully_qualified_name()}; start "
                "each in a namespace of its own, or their answers mix",
            )
        if worker is None:
            state = "configured, not active" if self._loaded else "not configured"
            return Health(Level.OK, state)
        if worker.busy_seconds > STUCK:
            return Health(
                Level.ERROR,
                f"inference is stuck: a frame is in work for {worker.busy_seconds:.0f} s",
            )
        return Health(Level.OK, "active")

    def _publish(self, own: Health, seen: list[tuple[Camera, StreamReport, Health]]) -> None:
        node, loaded = self._node, self._loaded
        name, stamp = node.get_fully_qualified_name(), node.get_clock().now().to_msg()
        names = node.get_node_names_and_namespaces()
        self._twins = names.count((node.get_name(), node.get_namespace())) - 1
        statuses: list[DiagnosticStatus] = []
        cameras = []
        slots = loaded.model.bundle.slots if loaded else 0
        for camera, report, health in seen:
            statuses.append(camera_diagnostics(name, camera, report, health, slots))
            cameras.append(camera_status(camera, report, health, slots))
        if loaded and seen:
            statuses.append(
                engine_diagnostics(
                    name,
                    loaded.model,
                    own,
                    loaded.settings.inference.precision,
                    loaded.seconds,
                    loaded.rig.nbytes,
                    self._black_box.last_words,
                )
            )
        else:
            statuses.append(idle_diagnostics(name, own, own.message))
        message = DiagnosticArray(status=statuses)
        message.header.stamp = stamp
        self._diagnostics.publish(message)
        self._black_box.keep_diagnostics(message)
        overall = worst([own, *(health for _, _, health in seen)])
        model = loaded.model if loaded else None
        self._status.publish(status_message(stamp, overall, model, cameras))
