"""ROS 2 bags, read and written without ROS by the library rosbags."""

from convlstm_perception.bags.message_types import message_types
from convlstm_perception.bags.reader import BagReader
from convlstm_perception.bags.writer import PARAMETERS_KEY, BagWriter

__all__ = ["PARAMETERS_KEY", "BagReader", "BagWriter", "message_types"]
