"""The parts of the demo that know no ROS: what was recorded, its figures and its pictures."""
