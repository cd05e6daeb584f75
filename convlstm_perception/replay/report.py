"""The page that plays a replay: the overlay beside the people from above.

One HTML file that loads nothing but the overlay videos beside it.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from convlstm_perception.errors import SourceError
from convlstm_perception.replay.recording import RecordedCamera
from convlstm_perception.types import Image, PerceptionResult
from convlstm_perception.visualization.alert import CAUTION_WITHIN, DANGER_WITHIN, NEAR
from convlstm_perception.visualization.birds_eye import frame_values
from convlstm_perception.visualization.colours import CALM_TRACK_COLOURS, TRACK_COLOURS
from convlstm_perception.visualization.page import page_head, rows_table
from convlstm_perception.visualization.regions import SHARE
from convlstm_perception.visualization.video_file import VideoFile

if TYPE_CHECKING:
    from typing_extensions import Self

REPORT = "report.html"
_ASSETS = files("convlstm_perception.visualization") / "assets"
_SCRIPTS = ("plane.js", "birds_eye.js", "player.js", "report.js")  # in this order


class ReplayReport:
    """Collects what a replay answers, with the overlay as a video that browsers play.

    Use it as a context: the videos are complete once the block is left.

    Args:
        folder: for the page and the videos.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self._cameras: dict[str, _CameraPart] = {}
        self._grounded = False

    def __enter__(self) -> Self:
        self._stack.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def add(self, camera: RecordedCamera, overlay: Image, answer: PerceptionResult) -> None:
        """Take in an answered frame.

        Args:
            camera: whose frame it is.
            overlay: (height, width, 3) uint8, the image with the answer drawn on it.
            answer: for the frame.

        Raises:
            SourceError: when the disk is full.
        """
        part = self._cameras.get(camera.topic)
        if part is None:
            part = self._begin(camera, overlay, answer)
            self._cameras[camera.topic] = part
        if part.video is not None:
            part.video.write(overlay)
        self._grounded |= answer.ground is not None
        if answer.ground is not None and not part.frame_id:
            part.frame_id = answer.ground.frame_id
        values = frame_values(answer, part.first_stamp_ns)
        part.frames.append(_compact(values))

    def write(self, summary: Mapping[str, Any]) -> Path:
        """Write the page.

        Args:
            summary: of the replay, as it is written to JSON.

        Returns:
            Path of the page.
        """
        parts = [part.embedded() for part in self._cameras.values()]
        # Those of the overlay.
        colours = CALM_TRACK_COLOURS if self._grounded else TRACK_COLOURS
        settings = {
            "near": NEAR,
            "alertSeconds": [CAUTION_WITHIN, DANGER_WITHIN],
            "share": SHARE,
            "colours": [f"#{red:02x}{green:02x}{blue:02x}" for blue, green, red in colours],
        }
        data = f'{{"settings":{_compact(settings)},"cameras":[{",".join(parts)}]}}'
        # A script's content ends at the first "</", wherever it stands.
        data = data.replace("<", "\\u003c")
        page = [
            page_head(f"Replay of {Path(summary['bag']).name}"),
            f"<style>{_asset('report.css')}</style>",
            f"<p class=lead>{html.escape(summary['model'])} on {html.escape(summary['engine'])}, "
            f"<code>{html.escape(summary['bag'])}</code></p>",
            _asset("report.html"),
            *(self._figures(entry, summary) for entry in summary["cameras"]),
            "</section></div></main>",
            f"<script type='application/json' id=data>{data}</script>",
            *(f"<script>{_asset(name)}</script>" for name in _SCRIPTS),
        ]
        path = self._folder / REPORT
        path.write_text("\n".join(page) + "\n", encoding="utf-8")
        return path

    def _begin(
        self, camera: RecordedCamera, overlay: Image, answer: PerceptionResult
    ) -> _CameraPart:
        height, width = overlay.shape[:2]
        name = f"overlay_{camera.name}.webm" if camera.name else "overlay.webm"
        # OpenCV writes hundredths as they are and rounds what is finer: frame numbers would drift.
        rate = round(camera.rate, 2)
        part = _CameraPart(camera.topic, rate, width, height, answer.stamp_ns)
        # VP8 in .webm is what browsers play; some builds of OpenCV lack it.
        with suppress(SourceError):
            video = VideoFile(self._folder / name, "VP80", rate, width, height)
            part.video = self._stack.enter_context(video)
        return part

    def _figures(self, camera: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
        """The counts of a camera; of those that can be played the script shows the chosen one's."""
        rows = [
            ("camera", camera["topic"]),
            ("images in the bag", f"{camera['images']}"),
            ("answered", f"{camera['answered']}"),
            ("answered as unusable", f"{camera['unusable']}"),
            ("passed over", f"{camera['passed_over']}"),
            ("refused", f"{sum(camera['refused'].values())}"),
            *((f"refused: {reason}", f"{count}") for reason, count in camera["refused"].items()),
            ("answers a second", f"{camera['frames_a_second']}"),
        ]
        if camera["identical"] or camera["different"]:
            rows += [
                ("to the bit what the node had published", f"{camera['identical']}"),
                ("other than the node's", f"{camera['different']}"),
            ]
        rows += [("the node's model", model) for model in camera["other_models"]]
        rows += [("model", summary["model"]), ("engine", summary["engine"])]
        played = list(self._cameras)
        topic = camera["topic"]
        mark = f" data-camera={played.index(topic)}" if topic in played else ""
        return f"<div{mark}>{rows_table(rows)}</div>"


@dataclass
class _CameraPart:
    """What the page tells of a camera; ``frames`` are JSON, which is smaller than values."""

    topic: str
    rate: float
    width: int
    height: int
    first_stamp_ns: int
    video: VideoFile | None = None
    frame_id: str = ""
    frames: list[str] = field(default_factory=list)

    def embedded(self) -> str:
        """As JSON."""
        values = {
            "topic": self.topic,
            "rate": self.rate,
            "size": [self.width, self.height],
            "video": self.video.path.name if self.video is not None else None,
            "frameId": self.frame_id,
        }
        return f'{_compact(values)[:-1]},"frames":[{",".join(self.frames)}]}}'


def _compact(values: Any) -> str:
    return json.dumps(values, separators=(",", ":"), allow_nan=False)


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")
