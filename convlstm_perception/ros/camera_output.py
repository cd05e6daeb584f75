"""One camera's answers on their way out."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from typing import Any

from rclpy.lifecycle import LifecycleNode
from rclpy.qos import QoSProfile
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image as ImageMessage
from std_msgs.msg import Header

from convlstm_perception.engine import ModelBundle
from convlstm_perception.ground import GroundInputs
from convlstm_perception.messages import MessageTypes
from convlstm_perception.ros.black_box import KeptFrame
from convlstm_perception.ros.camera_input import Arrival
from convlstm_perception.ros.conversions import image_to_message
from convlstm_perception.ros.message_classes import optional_message_classes
from convlstm_perception.ros.output_settings import OutputSettings
from convlstm_perception.ros.outputs import NUMBERS, PICTURES, Origin, Output
from convlstm_perception.ros.settings import NodeSettings
from convlstm_perception.settings import described_fields
from convlstm_perception.types import Frame, PerceptionResult
from convlstm_perception.visualization.overlay import OverlayRenderer

_DEPTH = 5
_LIVE = {entry.name for entry, known in described_fields(OutputSettings) if known.live}
"""Switches that may be turned on at any time: their topics are always there."""


class CameraOutput:
    """Publishes a camera's answers; each message is made only where somebody wants it.

    Args:
        node: that the publishers are part of.
        name: of the camera; may be empty, then the topics bear no name.
        bundle: that answers.
        settings: of the node.

    Raises:
        ParameterError: when the messages that it asks for are not installed.

    Attributes:
        settings: of the node; may be exchanged.
        prefix: of the topics, resolved, without the last slash.
    """

    def __init__(
        self, node: LifecycleNode, name: str, bundle: ModelBundle, settings: NodeSettings
    ) -> None:
        self._node, self._bundle = node, bundle
        self.settings = settings
        # An id of its own for each run: a planner must not take a new person 1 for the old one.
        self._origin = Origin(bundle.model_id, bundle.classes[0], uuid.uuid4())
        prefix, qos = f"~/{name}/" if name else "~/", QoSProfile(depth=_DEPTH)
        self.prefix = node.get_fully_qualified_name() + prefix[1:-1]
        # All classes before the first publisher: none is left behind where one is refused.
        made = [
            output
            for output in (*NUMBERS, *PICTURES)
            if (output.switch in _LIVE or getattr(settings.outputs, output.switch))
            and (settings.locates(name) or not output.in_metres)
        ]
        self._types: dict[str, MessageTypes] = {
            output.topic: optional_message_classes(output.types, output.fields, output.switch)
            for output in made
        }
        kinds = {output.topic: self._types[output.topic][output.kind] for output in made}
        self._publishers = {
            topic: node.create_lifecycle_publisher(kind, prefix + topic, qos)
            for topic, kind in (kinds | {"overlay": ImageMessage}).items()
        }
        self._renderer = OverlayRenderer(
            trail_seconds=settings.outputs.overlay_trail, title=bundle.model_id
        )

    def warm_up(self, result: PerceptionResult) -> None:
        """Make and serialise each message once: the classes set themselves up when first used."""
        for output in (*NUMBERS, *PICTURES):
            if output.topic in self._types and output.applies(result):
                serialize_message(self._message(output, Header(), result))

    def kept(
        self,
        arrival: Arrival,
        topic: str,
        result: PerceptionResult | None,
        inputs: GroundInputs | None = None,
    ) -> KeptFrame:
        """An image and its answer, for the black box."""
        received_ns = time.time_ns() - round(1e9 * (time.monotonic() - arrival.time))
        class_id, model_id = self._bundle.classes[0], self._bundle.model_id
        return KeptFrame(
            topic, self.prefix, arrival.message, received_ns, result, inputs, class_id, model_id
        )

    def close(self) -> None:
        """Take the publishers back."""
        for publisher in self._publishers.values():
            self._node.destroy_lifecycle_publisher(publisher)

    def publish(self, header: Header, result: PerceptionResult) -> None:
        """Publish an answer's numbers."""
        self._publish(NUMBERS, header, result)

    def publish_pictures(self, header: Header, result: PerceptionResult) -> None:
        """Publish what shows an answer without its image."""
        self._publish(PICTURES, header, result)

    def wants_overlay(self) -> bool:
        """Whether somebody looks at the overlay."""
        return self._wanted("overlay")

    def publish_overlay(self, header: Header, frame: Frame, result: PerceptionResult) -> None:
        """Draw an answer and publish the picture."""
        drawn = self._renderer.draw(frame.image, result)
        self._publishers["overlay"].publish(image_to_message(drawn, header))

    def _publish(self, outputs: Iterable[Output], header: Header, result: PerceptionResult) -> None:
        for output in outputs:
            if self._wanted(output.topic) and output.applies(result):
                self._publishers[output.topic].publish(self._message(output, header, result))

    def _wanted(self, topic: str) -> bool:
        """Whether a topic is switched on and somebody subscribes."""
        publisher = self._publishers.get(topic)
        return bool(
            publisher
            and getattr(self.settings.outputs, f"publish_{topic}")
            and publisher.get_subscription_count()
        )

    def _message(self, output: Output, header: Header, result: PerceptionResult) -> Any:
        return output.build(result, header, self._origin, self._types[output.topic])
