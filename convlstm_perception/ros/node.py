"""The lifecycle node: camera images in, pedestrians and their trajectories out."""

from __future__ import annotations

import functools
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import rclpy
from convlstm_perception_msgs.msg import PredictedTrajectoryArray
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import ChangeState
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image as ImageMessage
from vision_msgs.msg import Detection2DArray

from convlstm_perception.engine import ModelBundle, MotionModel, Runtime, default_bundle_path
from convlstm_perception.errors import DeviceError, PerceptionError
from convlstm_perception.ros.camera import Camera, CameraPublishers
from convlstm_perception.ros.diagnostics import camera_status, idle_status
from convlstm_perception.ros.parameters import NodeParameters, NodeSettings
from convlstm_perception.stream import CameraPipeline, places_of

_DIAGNOSTICS_PERIOD = 1.0  # seconds, as diagnostic_updater
_OUTPUT_DEPTH = 5
_EXIT_USAGE = 2


_Transition = Callable[["PerceptionNode", LifecycleState], TransitionCallbackReturn]


def _told(transition: _Transition) -> _Transition:
    """Log what a transition raises: rclpy only takes note that it failed."""

    @functools.wraps(transition)
    def run(self: PerceptionNode, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            return transition(self, state)
        except Exception as error:
            self.report_problem(f"{transition.__name__} failed: {error!r}")
            self.get_logger().error(traceback.format_exc())
            return TransitionCallbackReturn.ERROR

    return run


class PerceptionNode(LifecycleNode):
    """Configure loads the model, activate answers the camera, cleanup frees the model."""

    def __init__(self, context: rclpy.Context) -> None:
        super().__init__("convlstm_perception", context=context)
        self._declared = NodeParameters(self)
        self._settings: NodeSettings | None = None
        self._model: MotionModel | None = None
        self._runtime: Runtime | None = None
        self._outputs: CameraPublishers | None = None
        self._camera: Camera | None = None
        self._problem = ""
        self._device_failure: DeviceError | None = None
        self._device_failed = self.create_guard_condition(self._leave_failed_device)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", _OUTPUT_DEPTH)
        self.create_timer(_DIAGNOSTICS_PERIOD, self._publish_diagnostics)
        self._change_state = self._service_change_state.callback
        self._service_change_state.callback = self._answer_change_state
        if self.get_parameter("autostart").value:
            self._autostart = self.create_timer(0.0, self._start_by_itself)

    @_told
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Check the parameters, load and warm up the engines."""
        try:
            self._settings = self._declared.read()
            self._load(self._settings)
        except PerceptionError as error:
            self._free()
            self.report_problem(f"configure refused: {error}")
            return TransitionCallbackReturn.FAILURE
        self._problem, self._device_failure = "", None
        qos = QoSProfile(depth=_OUTPUT_DEPTH)
        self._outputs = CameraPublishers(
            self.create_lifecycle_publisher(Detection2DArray, "~/detections", qos),
            self.create_lifecycle_publisher(PredictedTrajectoryArray, "~/trajectories", qos),
            self.create_lifecycle_publisher(ImageMessage, "~/overlay", qos),
        )
        assert self._model
        self._tell_engine(self._model)
        return TransitionCallbackReturn.SUCCESS

    @_told
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe and answer."""
        assert self._settings and self._model and self._runtime and self._outputs
        result = super().on_activate(state)
        self._camera = Camera(
            self,
            self._settings,
            self._model,
            self._runtime,
            self._outputs,
            self._take_device_failure,
        )
        self.get_logger().info(f"answering {self._camera.topic}")
        return result

    @_told
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop answering; the engines stay loaded, unless their device has failed."""
        self._stop_camera()
        result = super().on_deactivate(state)
        return TransitionCallbackReturn.ERROR if self._device_failure else result

    @_told
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the engines."""
        self._free()
        return TransitionCallbackReturn.SUCCESS

    @_told
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop and free whatever there is."""
        self._free()
        return TransitionCallbackReturn.SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """After a failed device or what nobody foresaw: unconfigured, to be configured again."""
        self._free()
        return TransitionCallbackReturn.SUCCESS

    def report_problem(self, problem: str) -> None:
        """Log why the node is not what it was asked to be, and show it in the diagnostics."""
        self._problem = problem
        self.get_logger().error(problem)

    def _take_device_failure(self, error: DeviceError) -> None:
        # Called in the inference thread; the state machine is for the executor's alone.
        self._device_failure = error
        self._device_failed.trigger()

    def _leave_failed_device(self) -> None:
        """By way of the lifecycle's error state to unconfigured; configure loads all anew."""
        if self._camera and self._device_failure:
            self.report_problem(f"the device has failed: {self._device_failure}")
            self.trigger_deactivate()

    def destroy_node(self) -> None:
        """Stop the inference thread before anything it uses goes."""
        self._free()
        super().destroy_node()

    def _load(self, settings: NodeSettings) -> None:
        bundle = ModelBundle.load(settings.bundle or default_bundle_path())
        self._model = MotionModel.load(bundle, settings.inference)
        self._runtime = self._model.open_runtime(1, places_of(settings.pipeline, bundle))
        CameraPipeline(self._model, settings.pipeline, runtime=self._runtime).warm_up()

    def _tell_engine(self, model: MotionModel) -> None:
        bundle, decision = model.bundle, model.decision
        line = f"model {bundle.model_id} from {bundle.folder} on {model.engine_name}"
        self.get_logger().info(f"{line}; {decision.why}" if decision else line)
        if decision and decision.idle_gpu:
            self.get_logger().warning(
                f"this machine's GPU lies idle ({decision.idle_gpu}); what it lacks is told by: "
                "convlstm-perception doctor"
            )

    def _answer_change_state(
        self, request: ChangeState.Request, response: ChangeState.Response
    ) -> ChangeState.Response:
        """Refuse a transition that the state does not have; rclpy would let it end the process."""
        try:
            return self._change_state(request, response)
        except RuntimeError as error:
            wanted = request.transition.label or request.transition.id
            self.get_logger().error(f"transition {wanted} refused: {error}")
            response.success = False
            return response

    def _start_by_itself(self) -> None:
        self._autostart.cancel()
        try:
            if self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
                self.trigger_activate()
        except RuntimeError as error:
            self.get_logger().error(f"autostart: somebody else drives the lifecycle: {error}")

    def _stop_camera(self) -> None:
        if self._camera:
            self._camera.stop()
            self._camera = None

    def _free(self) -> None:
        self._stop_camera()
        publishers, self._outputs = self._outputs, None
        if publishers:
            for publisher in (publishers.detections, publishers.trajectories, publishers.overlay):
                self.destroy_lifecycle_publisher(publisher)
        if self._model:
            self._model.close()
            self._model = self._runtime = None
        self._declared.release()

    def _publish_diagnostics(self) -> None:
        name = self.get_fully_qualified_name()
        if self._camera and self._model and self._settings:
            status = camera_status(name, self._camera, self._model, self._settings.image_timeout)
        else:
            state = "configured, not active" if self._model else "not configured"
            status = idle_status(name, state, self._problem)
        message = DiagnosticArray(status=[status])
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)


def main() -> int:
    """Run the node until SIGINT or SIGTERM; both end it in order, with exit code 0."""
    with _stop_on_signal() as (awaken, sleeper):
        context = rclpy.Context()
        try:
            rclpy.init(
                args=sys.argv, context=context, signal_handler_options=SignalHandlerOptions.NO
            )
        except RuntimeError as error:  # rclpy's own errors derive from it
            print(f"{error}\nCheck what follows --ros-args on the command line.", file=sys.stderr)
            return _EXIT_USAGE
        node = PerceptionNode(context)
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


if __name__ == "__main__":
    sys.exit(main())
