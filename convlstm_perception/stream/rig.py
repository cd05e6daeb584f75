"""Several cameras answered by one model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from convlstm_perception.engine.model import MotionModel
from convlstm_perception.errors import DeviceError, ParameterError
from convlstm_perception.stream.pipeline import CameraPipeline, PreparedFrame, places_of
from convlstm_perception.stream.settings import PipelineSettings
from convlstm_perception.types import Frame, PerceptionResult

Answer = PerceptionResult | Exception
"""A camera's result, or what kept its frame from being answered."""


def result_of(answer: Answer) -> PerceptionResult:
    """The result, for callers to whom an error is one; else it is raised."""
    if isinstance(answer, Exception):
        raise answer
    return answer


class CameraRig:
    """Answers frames of several cameras, together where the engine gains by it.

    What fails for one camera is that camera's alone: the others are answered as if it were not
    there. Not thread-safe: one thread at a time calls it.

    Args:
        model: networks to run.
        settings: how frames are answered.
        cameras: their names, each once.

    Raises:
        EngineError: when there is not enough memory.
        ParameterError: when a name is there twice.
    """

    def __init__(
        self, model: MotionModel, settings: PipelineSettings, cameras: Sequence[str] = ("",)
    ) -> None:
        if len(set(cameras)) != len(cameras):
            raise ParameterError(f"cameras {', '.join(cameras)}: a name is there twice")
        self._runtime = model.open_runtime(len(cameras), places_of(settings, model.bundle))
        self._pipelines = {
            name: CameraPipeline(model, settings, runtime=self._runtime, camera=index)
            for index, name in enumerate(cameras)
        }

    @property
    def nbytes(self) -> int:
        """Memory of the rolling buffers and of what goes into and out of the networks."""
        return self._runtime.nbytes

    @property
    def most_at_once(self) -> int:
        """Cameras that the engine gains by answering together."""
        return self._runtime.most_at_once

    def warm_up(self) -> PerceptionResult:
        """Run everything once; see :meth:`CameraPipeline.warm_up`."""
        return [pipeline.warm_up() for pipeline in self._pipelines.values()][-1]

    def reconfigure(self, settings: PipelineSettings) -> None:
        """Go on under other settings; see :meth:`CameraPipeline.reconfigure`."""
        for pipeline in self._pipelines.values():
            pipeline.reconfigure(settings)

    def reset(self, camera: str) -> None:
        """Forget every frame and every track of a camera."""
        self._pipelines[camera].reset()

    def process(self, frames: Mapping[str, Frame]) -> dict[str, Answer]:
        """Answer one frame of each of some cameras.

        Args:
            frames: by the camera's name.

        Returns:
            For each of these cameras the result, or the error for which there is none: a
            FrameOrderError, an EngineError, or one that nobody foresaw.

        Raises:
            DeviceError: when the device has failed: nothing can be answered until the model is
                loaded anew.
        """
        answers: dict[str, Answer] = {}
        prepared: dict[str, PreparedFrame] = {}
        for name, frame in frames.items():
            try:
                ready = self._pipelines[name].prepare(frame)
            except Exception as error:
                answers[name] = error
                continue
            if isinstance(ready, PerceptionResult):
                answers[name] = ready
            else:
                prepared[name] = ready
        return answers | self._run(prepared) if prepared else answers

    def _run(self, prepared: Mapping[str, PreparedFrame]) -> dict[str, Answer]:
        index = {name: self._pipelines[name].camera for name in prepared}
        try:
            outputs = self._runtime.run(
                {index[name]: ready.step for name, ready in prepared.items()}
            )
        except DeviceError:
            raise
        except Exception as error:
            for name in prepared:
                self._pipelines[name].revoke()
            return dict.fromkeys(prepared, error)
        answers: dict[str, Answer] = {}
        for name, ready in prepared.items():
            try:
                answers[name] = self._pipelines[name].finish(ready, outputs[index[name]])
            except DeviceError:
                raise
            except Exception as error:
                self._pipelines[name].revoke()
                answers[name] = error
        return answers
