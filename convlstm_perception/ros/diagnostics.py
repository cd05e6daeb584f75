"""The node's health as diagnostic_msgs, after the conventions of diagnostic_updater."""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

from convlstm_perception.engine import MotionModel
from convlstm_perception.ros.camera import Camera
from convlstm_perception.ros.statistics import StreamReport

_FAILURE_SHOWN = 5.0  # seconds


def camera_status(
    node_name: str, camera: Camera, model: MotionModel, image_timeout: float
) -> DiagnosticStatus:
    """The status of an active camera.

    Levels: ERROR while frames fail in inference or the QoS does not match, STALE while no image
    comes, WARN when fewer than 95 % of the frames are answered or some were rejected, else OK.
    """
    report = camera.report()
    level, message = _judge(report, camera, image_timeout)
    return DiagnosticStatus(
        name=f"{node_name}: {camera.topic}",
        hardware_id=node_name,
        level=level,
        message=message,
        values=_values(report, camera, model),
    )


def idle_status(node_name: str, state: str, problem: str) -> DiagnosticStatus:
    """The status of a node that is not active: OK, or ERROR with the problem."""
    return DiagnosticStatus(
        name=f"{node_name}: state",
        hardware_id=node_name,
        level=DiagnosticStatus.ERROR if problem else DiagnosticStatus.OK,
        message=problem or state,
        values=[KeyValue(key="state", value=state)],
    )


def _judge(report: StreamReport, camera: Camera, image_timeout: float) -> tuple[bytes, str]:
    failed_for = report.last_failure_age
    if failed_for is not None and failed_for < _FAILURE_SHOWN:
        return DiagnosticStatus.ERROR, f"frames fail: {report.last_error}"
    if report.image_age is None or report.image_age > image_timeout:
        since = "yet" if report.image_age is None else f"for {report.image_age:.1f} s"
        missing = camera.missing_publisher()
        if camera.mismatched_qos and not missing:
            return DiagnosticStatus.ERROR, f"no image {since}: {camera.mismatched_qos}"
        reason = missing or f"the publisher of {camera.topic} sends nothing"
        return DiagnosticStatus.STALE, f"no image {since}: {reason}"
    if report.rejected:
        return DiagnosticStatus.WARN, f"{report.rejected} frames rejected: {report.last_error}"
    if report.skipped > 0.05 * report.received:
        return DiagnosticStatus.WARN, f"{report.skipped} of {report.received} frames skipped"
    return DiagnosticStatus.OK, f"answering {report.rate_answered:.1f} frames a second"


def _values(report: StreamReport, camera: Camera, model: MotionModel) -> list[KeyValue]:
    values = {
        "matched publishers": str(camera.matched_publishers),
        "received": str(report.received),
        "answered": str(report.answered),
        "skipped": str(report.skipped),
        "rejected": str(report.rejected),
        "failed": str(report.failed),
        "restarts": str(report.restarts),
        "rate in (Hz)": f"{report.rate_in:.2f}",
        "rate answered (Hz)": f"{report.rate_answered:.2f}",
        "window slots filled": f"{report.valid_slots} of {model.bundle.slots}",
        "memory (MB)": f"{camera.memory_bytes / 1e6:.1f}",
        "engine": model.engine_name,
        "engine chosen because": model.decision.why if model.decision else "",
        "idle GPU": model.decision.idle_gpu if model.decision else "",
        "model": model.bundle.model_id,
        "last error": report.last_error,
    }
    for stage, (median, tail) in report.latencies.items():
        values[f"{stage} p50 (ms)"] = f"{median * 1e3:.2f}"
        values[f"{stage} p99 (ms)"] = f"{tail * 1e3:.2f}"
    return [KeyValue(key=key, value=value) for key, value in values.items()]
