"""The lifecycle node: cameras' images in, pedestrians and their trajectories out."""

from __future__ import annotations

import functools
import sys
import time
import traceback
from collections.abc import Callable

import rclpy
from lifecycle_msgs.srv import ChangeState
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from convlstm_perception.engine import ModelBundle, MotionModel, default_bundle_path
from convlstm_perception.errors import DeviceError, PerceptionError
from convlstm_perception.ros.black_box_service import BlackBoxService
from convlstm_perception.ros.camera import Camera
from convlstm_perception.ros.camera_input import Arrival
from convlstm_perception.ros.health_reporter import HealthReporter
from convlstm_perception.ros.loaded import Loaded
from convlstm_perception.ros.parameters import NodeParameters
from convlstm_perception.ros.process import run_until_signalled
from convlstm_perception.ros.settings import NodeSettings
from convlstm_perception.ros.transforms import NodeTransforms
from convlstm_perception.ros.worker import InferenceWorker
from convlstm_perception.stream import CameraRig, FrameScheduler

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
    """Configure loads the model, activate answers the cameras, cleanup frees the model."""

    def __init__(self, context: rclpy.Context) -> None:
        super().__init__("convlstm_perception", context=context)
        self._declared = NodeParameters(self, self._reconfigure)
        self._loaded: Loaded | None = None
        self._worker: InferenceWorker | None = None
        self._problem = ""
        self._device_failure: DeviceError | None = None
        self._device_failed = self.create_guard_condition(self._leave_failed_device)
        self._black_box = BlackBoxService(self, self._declared.values)
        self._health = HealthReporter(self, lambda: self._problem, self._black_box)
        self._change_state = self._service_change_state.callback
        self._service_change_state.callback = self._answer_change_state
        if self.get_parameter("autostart").value:
            steady = Clock(clock_type=ClockType.STEADY_TIME)  # before the first /clock too
            self._autostart = self.create_timer(0.0, self._start_by_itself, clock=steady)

    @_told
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Check the parameters, load and warm up the engines."""
        try:
            self._loaded = self._load(self._declared.read())
        except PerceptionError as error:
            self._free()
            self.report_problem(f"configure refused: {error}")
            return TransitionCallbackReturn.FAILURE
        self._problem, self._device_failure = "", None
        self._health.follow(self._loaded)
        self._tell_engine(self._loaded.model)
        return TransitionCallbackReturn.SUCCESS

    @_told
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe and answer."""
        loaded = self._loaded
        assert loaded
        result = super().on_activate(state)
        scheduler: FrameScheduler[Arrival] = FrameScheduler(
            list(loaded.cameras), loaded.settings.sync, loaded.rig.most_at_once
        )
        self._worker = InferenceWorker(
            loaded.rig, scheduler, loaded.cameras, self._take_device_failure
        )
        for name, camera in loaded.cameras.items():
            loaded.rig.reset(name)
            camera.start(scheduler)
        # Last, so that no thread is left behind where a subscription is refused.
        self._worker.start()
        self._health.follow(loaded, self._worker)
        topics = [camera.topic for camera in loaded.cameras.values() if camera.enabled]
        self.get_logger().info(f"answering {', '.join(topics) or 'no camera: none is enabled'}")
        return result

    @_told
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop answering; the engines stay loaded, unless their device has failed."""
        self._stop()
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

    def destroy_node(self) -> None:
        """Stop the inference thread before anything it uses goes."""
        self._free()
        super().destroy_node()

    def _load(self, settings: NodeSettings) -> Loaded:
        start = time.monotonic()
        bundle = ModelBundle.load(settings.bundle or default_bundle_path())
        model = MotionModel.load(bundle, settings.inference, len(settings.cameras))
        cameras: dict[str, Camera] = {}
        transforms: NodeTransforms | None = None
        try:
            if settings.uses_transforms:
                transforms = NodeTransforms(self, settings.ground)
            rig = CameraRig(model, settings.pipeline, settings.cameras)
            example = rig.warm_up()
            seconds = time.monotonic() - start
            for name in settings.cameras:
                cameras[name] = Camera(self, name, settings, bundle, self._black_box, transforms)
                cameras[name].warm_up(example)
            self._black_box.open(settings.black_box)
        except Exception:
            for camera in cameras.values():
                camera.close()
            if transforms:
                transforms.close()
            model.close()
            raise
        return Loaded(settings, model, rig, cameras, transforms, seconds)

    def _reconfigure(self, settings: NodeSettings) -> None:
        """Parameters have changed that may while they are in use."""
        loaded = self._loaded
        if loaded is None:
            return
        loaded.settings = settings
        for camera in loaded.cameras.values():
            camera.reconfigure(settings)
        if self._worker:
            self._worker.reconfigure(settings.pipeline)
        else:
            loaded.rig.reconfigure(settings.pipeline)

    def _take_device_failure(self, error: DeviceError) -> None:
        # Called in the inference thread; the state machine is for the executor's alone.
        self._device_failure = error
        self._device_failed.trigger()

    def _leave_failed_device(self) -> None:
        """By way of the lifecycle's error state to unconfigured; configure loads all anew."""
        if self._worker and self._device_failure:
            self.report_problem(f"the device has failed: {self._device_failure}")
            self.trigger_deactivate()

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

    def _stop(self) -> None:
        if self._loaded:
            for camera in self._loaded.cameras.values():
                camera.stop()
        worker, self._worker = self._worker, None
        if worker:
            worker.stop()
        self._health.follow(self._loaded)

    def _free(self) -> None:
        self._stop()
        loaded, self._loaded = self._loaded, None
        if loaded:
            loaded.close()
        self._black_box.close()
        self._health.follow(None)
        self._declared.release()


def main() -> int:
    """Run the node until SIGINT or SIGTERM; both end it in order, with exit code 0."""
    return run_until_signalled(PerceptionNode)


if __name__ == "__main__":
    sys.exit(main())
