"""Answers judged on the ground, in metres."""
