"""How fast the networks answer, what they need, and how near that is to what the device can do."""

from convlstm_perception.benchmark.request import COMPETITORS, BenchmarkRequest

__all__ = ["COMPETITORS", "BenchmarkRequest"]
