"""A bag's images answered again: without ROS, as fast as may be, and the same every time."""

from convlstm_perception.replay.run import ReplayRequest, replay

__all__ = ["ReplayRequest", "replay"]
