"""One camera's answers on their way out."""

from __future__ import annotations

import time

from convlstm_perception_msgs.msg import PredictedTrajectoryArray
from rclpy.lifecycle import LifecycleNode
from rclpy.qos import QoSProfile
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image as ImageMessage
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

from convlstm_perception.engine import ModelBundle
from convlstm_perception.ground import GroundInputs
from convlstm_perception.ros.black_box import KeptFrame
from convlstm_perception.ros.camera_input import Arrival
from convlstm_perception.ros.conversions import (
    detections_to_message,
    image_to_message,
    trajectories_to_message,
)
from convlstm_perception.ros.settings import NodeSettings
from convlstm_perception.types import Frame, PerceptionResult
from convlstm_perception.visualization.overlay import OverlayRenderer

_DEPTH = 5


class CameraOutput:
    """Publishes a camera's answers; each message is made only where somebody wants it.

    Args:
        node: that the publishers are part of.
        name: of the camera; may be empty, then the topics bear no name.
        bundle: that answers.
        settings: of the node.

    Attributes:
        settings: of the node; may be exchanged.
        prefix: of the topics, resolved, without the last slash.
    """

    def __init__(
        self, node: LifecycleNode, name: str, bundle: ModelBundle, settings: NodeSettings
    ) -> None:
        self._node, self._bundle = node, bundle
        self.settings = settings
        prefix, qos = f"~/{name}/" if name else "~/", QoSProfile(depth=_DEPTH)
        self.prefix = node.get_fully_qualified_name() + prefix[1:-1]
        self._detections, self._trajectories, self._overlay = (
            node.create_lifecycle_publisher(kind, prefix + topic, qos)
            for kind, topic in (
                (Detection2DArray, "detections"),
                (PredictedTrajectoryArray, "trajectories"),
                (ImageMessage, "overlay"),
            )
        )
        self._renderer = OverlayRenderer(
            trail_seconds=settings.overlay_trail, title=bundle.model_id
        )

    def warm_up(self, result: PerceptionResult) -> None:
        """Make and serialise each message once: the classes set themselves up when first used."""
        header = Header()
        serialize_message(trajectories_to_message(result, header, self._bundle.model_id))
        serialize_message(detections_to_message(result, header, self._bundle.classes[0]))

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
        for publisher in (self._detections, self._trajectories, self._overlay):
            self._node.destroy_lifecycle_publisher(publisher)

    def publish(self, header: Header, result: PerceptionResult) -> None:
        """Publish an answer. An unusable image has no detections: none would be an all-clear."""
        settings = self.settings
        if settings.publish_trajectories and self._trajectories.get_subscription_count():
            self._trajectories.publish(
                trajectories_to_message(result, header, self._bundle.model_id)
            )
        if (
            settings.publish_detections
            and result.usable
            and self._detections.get_subscription_count()
        ):
            self._detections.publish(detections_to_message(result, header, self._bundle.classes[0]))

    def wants_overlay(self) -> bool:
        """Whether somebody looks at the overlay."""
        return self.settings.publish_overlay and bool(self._overlay.get_subscription_count())

    def publish_overlay(self, header: Header, frame: Frame, result: PerceptionResult) -> None:
        """Draw an answer and publish the picture."""
        drawn = self._renderer.draw(frame.image, result)
        self._overlay.publish(image_to_message(drawn, header))
