"""The black box of a running node: filled by the cameras, written on request or on failure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from std_srvs.srv import Trigger

from convlstm_perception.errors import PerceptionError
from convlstm_perception.ros.black_box import BlackBox, KeptFrame
from convlstm_perception.ros.settings import BlackBoxSettings


class BlackBoxService:
    """Offers ``~/save_buffer``, and keeps what it is given while the node is configured.

    The service answers with the bag's name when writing begins: the executor must not wait for a
    disk, and rclpy's single-threaded one stands still while a coroutine does. The bag appears under
    that name when it is whole; that it could not be written is logged, and told in
    :attr:`last_words`.

    Args:
        node: that the service is part of.
        parameters: gives the values of the node's parameters.

    Attributes:
        last_words: what came of the last writing, or "".
    """

    def __init__(self, node: Node, parameters: Callable[[], Mapping[str, Any]]) -> None:
        self._node, self._parameters = node, parameters
        self._box: BlackBox | None = None
        self.last_words = ""
        node.create_service(Trigger, "~/save_buffer", self._answer)

    def open(self, settings: BlackBoxSettings) -> None:
        """Begin to keep."""
        self._box = BlackBox(settings, self._tell)

    def close(self) -> None:
        """Finish what is being written, and forget the rest."""
        box, self._box = self._box, None
        if box:
            box.close()

    def keep(self, frame: KeptFrame, failure: str = "") -> None:
        """Keep a frame; write all down where there is a failure. In the inference thread."""
        box = self._box
        if box is None or not box.settings.black_box_seconds:
            return
        box.add(frame)
        if failure:
            try:
                box.save_on_failure(failure, self._parameters())
            except PerceptionError as error:
                self._tell(box.settings.folder, error)

    def keep_diagnostics(self, message: DiagnosticArray) -> None:
        """Keep what the node says of itself."""
        box = self._box
        if box is not None and box.settings.black_box_seconds:
            box.add_diagnostics(message)

    def _answer(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        box = self._box
        if box is None:
            response.message = "nothing is kept: the node is not configured"
            return response
        try:
            response.message = str(box.save("asked", self._parameters()))
            response.success = True
        except Exception as error:  # one that left here would end the executor
            response.message = str(error)
            self._tell(box.settings.folder, error)
        return response

    def _tell(self, path: Path, error: Exception | None) -> None:
        if error is None:
            self.last_words = f"written: {path}"
            self._node.get_logger().info(f"black box {self.last_words}")
            return
        reason = str(error) if isinstance(error, PerceptionError) else repr(error)
        self.last_words = f"not written: {reason}"
        self._node.get_logger().error(f"black box {self.last_words}")
