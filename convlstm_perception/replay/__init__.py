"""Recorded drives answered again, without ROS."""
