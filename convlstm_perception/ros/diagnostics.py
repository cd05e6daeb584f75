"""The node's health as messages: diagnostic_msgs after diagnostic_updater, and our status."""

from __future__ import annotations

from collections.abc import Mapping

from builtin_interfaces.msg import Time
from convlstm_perception_msgs.msg import CameraStatus, PerceptionStatus
from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
from std_msgs.msg import Header

from convlstm_perception.engine import MotionModel
from convlstm_perception.ros.camera import Camera
from convlstm_perception.ros.conversions import ns_to_stamp
from convlstm_perception.ros.health import Health, Level
from convlstm_perception.ros.statistics import StreamReport


def camera_diagnostics(
    node_name: str, camera: Camera, report: StreamReport, health: Health, slots: int
) -> DiagnosticStatus:
    """The status of one camera of an active node."""
    values = {
        "topic": camera.topic,
        "matched publishers": str(camera.input.matched_publishers if camera.input else 0),
        "received": str(report.received),
        "answered": str(report.answered),
        "of these degraded": str(report.degraded),
        "unusable": str(report.unusable),
        "skipped": str(report.skipped),
        "rejected": str(report.rejected),
        "double or out of order": str(report.disordered),
        "older than max_age": str(report.expired),
        "failed": str(report.failed),
        "restarts": str(report.restarts),
        "rate in (Hz)": f"{report.rate_in:.2f}",
        "rate answered (Hz)": f"{report.rate_answered:.2f}",
        "age of the last answer (s)": f"{report.age:.4f}",
        "window slots filled": f"{report.valid_slots} of {slots}",
        "last error": report.last_error,
        "ground": camera.ground_problem,
    }
    for stage, (median, tail) in camera.latencies().items():
        values[f"{stage} p50 (ms)"] = f"{median * 1e3:.2f}"
        values[f"{stage} p99 (ms)"] = f"{tail * 1e3:.2f}"
    return _status(node_name, camera.title, health, values)


def engine_diagnostics(
    node_name: str,
    model: MotionModel,
    health: Health,
    precision: str,
    seconds: float,
    nbytes: int,
    black_box: str,
) -> DiagnosticStatus:
    """The status of what runs the networks.

    Args:
        node_name: full name of the node.
        model: that is loaded.
        health: of the inference thread.
        precision: that was asked for.
        seconds: that loading and warming up took.
        nbytes: memory of the cameras' buffers.
        black_box: what came of its last writing, or "".
    """
    decision = model.decision
    values = {
        "engine": model.engine_name,
        "engine chosen because": decision.why if decision else "",
        "idle GPU": decision.idle_gpu if decision else "",
        "model": model.bundle.model_id,
        "memory of the model": model.memory,
        "precision asked for": precision,
        "load (s)": f"{seconds:.2f}",
        "memory (MB)": f"{nbytes / 1e6:.1f}",
        "black box": black_box,
    }
    return _status(node_name, "engine", health, values)


def idle_diagnostics(node_name: str, health: Health, state: str) -> DiagnosticStatus:
    """The status of a node that is not active."""
    return _status(node_name, "state", health, {"state": state})


def status_message(
    stamp: Time, health: Health, model: MotionModel | None, cameras: list[CameraStatus]
) -> PerceptionStatus:
    """The node's status for machines."""
    return PerceptionStatus(
        header=Header(stamp=stamp),
        level=int(health.level),
        message=health.message,
        model_id=model.bundle.model_id if model else "",
        engine=model.engine_name if model else "",
        cameras=cameras,
    )


def camera_status(camera: Camera, report: StreamReport, health: Health, slots: int) -> CameraStatus:
    """A camera's part of the node's status."""
    return CameraStatus(
        camera=camera.name,
        topic=camera.topic,
        level=int(health.level),
        message=health.message,
        last_answered=ns_to_stamp(report.last_answer or 0),
        age=report.age,
        rate_in=report.rate_in,
        rate_answered=report.rate_answered,
        received=report.received,
        answered=report.answered,
        unusable=report.unusable,
        skipped=report.skipped,
        rejected=report.rejected + report.disordered + report.expired,
        failed=report.failed,
        restarts=report.restarts,
        slots_filled=report.valid_slots,
        slots=slots,
    )


def _status(
    node_name: str, task: str, health: Health, values: Mapping[str, str]
) -> DiagnosticStatus:
    return DiagnosticStatus(
        name=f"{node_name}: {task}",
        hardware_id=node_name,
        level=bytes([Level(health.level)]),
        message=health.message,
        values=[KeyValue(key=key, value=value) for key, value in values.items()],
    )
