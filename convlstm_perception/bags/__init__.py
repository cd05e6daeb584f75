"""Bags of ROS 2, read and written without ROS by the library rosbags."""

from convlstm_perception.bags.reader import BagReader, BagTopic
from convlstm_perception.bags.types import type_store
from convlstm_perception.bags.writer import BagWriter

__all__ = ["BagReader", "BagTopic", "BagWriter", "type_store"]
