"""A bag answered again: the same pipeline as the node's, as fast as it can."""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from convlstm_perception.bags import BagWriter, message_types
from convlstm_perception.engine import MotionModel
from convlstm_perception.errors import DeviceError, PerceptionError, SourceError
from convlstm_perception.geometry import CameraModel, Rectifier, camera_info_topic
from convlstm_perception.messages import (
    DETECTIONS,
    TRAJECTORIES,
    detections_message,
    trajectories_message,
)
from convlstm_perception.replay.ground import ReplayGround
from convlstm_perception.replay.recording import (
    RecordedCamera,
    RecordedImage,
    first_camera_info,
    read_images,
    trajectories_digest,
)
from convlstm_perception.replay.report import ReplayReport
from convlstm_perception.replay.settings import ReplaySettings
from convlstm_perception.stream import CameraRig
from convlstm_perception.types import Frame, Image, PerceptionResult
from convlstm_perception.visualization.overlay import OverlayRenderer
from convlstm_perception.visualization.video_file import VideoFile

RESULTS = "results"
_RESULT_FILES = {"metadata.yaml", f"{RESULTS}.mcap"}


@dataclass
class CameraSummary:
    """What became of a camera's images.

    Attributes:
        topic: of the images.
        images: in the bag.
        answered, unusable: answered, and answered as showing nothing.
        passed_over: that the node had not answered either.
        identical, different: answers that are to the bit what the node had published, and others.
        other_models: that the node answered with, where this replay does with another.
        refused: reasons why images were not answered, with their counts.
        seconds: spent on answering.
    """

    topic: str
    images: int = 0
    answered: int = 0
    unusable: int = 0
    passed_over: int = 0
    identical: int = 0
    different: int = 0
    other_models: tuple[str, ...] = ()
    refused: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0


class Replay:
    """Answers the cameras of a bag and writes the results.

    Args:
        bag: to read.
        cameras: of it.
        model: to answer with.
        settings: how.
        output: folder for the results; made where it is missing.
        overlay: whether an overlay is drawn, as a video for each camera.
        report: fed with every overlay and its answer, where one is drawn; else None.

    Raises:
        SourceError: when a calibration is missing in the bag.
    """

    def __init__(
        self,
        bag: Path,
        cameras: Collection[RecordedCamera],
        model: MotionModel,
        settings: ReplaySettings,
        output: Path,
        *,
        overlay: bool = True,
        report: ReplayReport | None = None,
    ) -> None:
        self._bag, self._model, self._output = bag, model, output
        self._cameras = {camera.topic: camera for camera in cameras}
        self._rig = CameraRig(model, settings.pipeline, [camera.name for camera in cameras])
        times = np.array(model.bundle.horizons, np.float32)
        self._ground = ReplayGround(bag, settings, self._cameras.keys(), times)
        self._types = message_types().types
        self._rectifiers = {
            topic: self._rectifier(camera_info_topic(topic))
            for topic in self._cameras
            if settings.camera(topic).rectify
        }
        self._renderers: dict[str, OverlayRenderer] | None = {} if overlay else None
        self._videos: dict[str, VideoFile] = {}
        self._report = report
        self.summaries = {
            camera.topic: CameraSummary(
                camera.topic, other_models=tuple(sorted(camera.models - {model.bundle.model_id}))
            )
            for camera in cameras
        }

    def run(self, advance: Callable[[], None]) -> None:
        """Answer everything.

        Args:
            advance: called after each image.

        Raises:
            SourceError: when the bag is damaged, or the results cannot be written.
            DeviceError: when the model's device fails.
        """
        self._clear()
        with BagWriter(self._output / RESULTS) as results, self._ground, ExitStack() as stack:
            if self._report is not None:
                stack.enter_context(self._report)
            for image in read_images(self._bag, self._cameras):
                self._replay(image, results, stack)
                advance()

    def _clear(self) -> None:
        """Make the folder; results of an earlier replay give way, and nothing else does."""
        results = self._output / RESULTS
        try:
            self._output.mkdir(parents=True, exist_ok=True)
            if results.is_dir() and {path.name for path in results.iterdir()} == _RESULT_FILES:
                shutil.rmtree(results)
        except OSError as error:
            raise SourceError(
                f"{self._output}: cannot be written to: {error.strerror}; name another --output"
            ) from error

    def _replay(self, image: RecordedImage, results: BagWriter, stack: ExitStack) -> None:
        camera, summary = self._cameras[image.topic], self.summaries[image.topic]
        summary.images += 1
        if camera.answered is not None and image.stamp_ns not in camera.answered:
            summary.passed_over += 1
            return
        start = time.perf_counter()
        try:
            frame = self._frame(image)
            answer = self._rig.process({camera.name: frame})[camera.name]
            if isinstance(answer, Exception):
                raise answer
            height, width = frame.image.shape[:2]
            answer = self._ground.answer(image.topic, image.received_ns, answer, (width, height))
        except DeviceError:
            raise
        except PerceptionError as error:
            summary.refused[str(error)] += 1
            return
        summary.seconds += time.perf_counter() - start
        summary.answered += answer.usable
        summary.unusable += not answer.usable
        self._write(camera, image, answer, results)
        if self._renderers is not None:
            self._draw(camera, frame.image, answer, stack)

    def _frame(self, image: RecordedImage) -> Frame:
        frame = Frame(image.decode(), image.stamp_ns, image.message.header.frame_id)
        rectifier = self._rectifiers.get(image.topic)
        if rectifier is None:
            return frame
        return dataclasses.replace(frame, image=rectifier.rectify(frame.image))

    def _write(
        self,
        camera: RecordedCamera,
        image: RecordedImage,
        answer: PerceptionResult,
        results: BagWriter,
    ) -> None:
        bundle, header, types = self._model.bundle, image.message.header, self._types
        trajectories = trajectories_message(answer, header, bundle.model_id, types)
        in_cdr = results.write(
            f"{camera.answers}/trajectories", TRAJECTORIES, image.received_ns, trajectories
        )
        published = camera.answered[image.stamp_ns] if camera.answered is not None else None
        if published is not None:
            same = published == trajectories_digest(in_cdr)
            summary = self.summaries[camera.topic]
            summary.identical += same
            summary.different += not same
        if answer.usable:
            detections = detections_message(answer, header, bundle.classes[0], types)
            results.write(f"{camera.answers}/detections", DETECTIONS, image.received_ns, detections)

    def _draw(
        self, camera: RecordedCamera, image: Image, answer: PerceptionResult, stack: ExitStack
    ) -> None:
        assert self._renderers is not None
        # How long it took differs from replay to replay; what is drawn must not.
        untimed = dataclasses.replace(answer, latencies={})
        renderer = self._renderers.get(camera.topic)
        if renderer is None:
            renderer = OverlayRenderer(title=self._model.bundle.model_id)
            self._renderers[camera.topic] = renderer
            name = f"overlay_{camera.name}.mp4" if camera.name else "overlay.mp4"
            height, width = image.shape[:2]
            video = VideoFile(self._output / name, "mp4v", camera.rate, width, height)
            self._videos[camera.topic] = stack.enter_context(video)
        overlay = renderer.draw(image, untimed)
        self._videos[camera.topic].write(overlay)
        if self._report is not None:
            self._report.add(camera, overlay, answer)

    def _rectifier(self, topic: str) -> Rectifier:
        info = first_camera_info(self._bag, topic)
        if info is None:
            raise SourceError(
                f"{self._bag}: no calibration on {topic}; record it, or replay without --rectify"
            )
        return Rectifier(CameraModel.from_message(info))
