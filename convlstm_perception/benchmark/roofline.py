"""The least time that a graph can take on a device, after Williams et al. 2009, "Roofline"."""

from __future__ import annotations

from dataclasses import dataclass

from convlstm_perception.benchmark.device_rates import DeviceRates
from convlstm_perception.benchmark.graph_cost import GraphCost


@dataclass(frozen=True)
class Roofline:
    """A graph beside its device.

    Attributes:
        gflop: operations of the graph, in 10^9.
        least_mb: bytes of inputs, outputs and weights in 10^6; each once.
        unfused_mb: bytes when every node reads and writes memory.
        floor_ms: no less is possible: operations at the matrix rate or the least bytes at the copy
            rate, whichever takes longer.
        unfused_ms: the same node by node, added up, without fusion of nodes and without caches.
        measured_ms: what the stage took, p50.
        share: floor over measured.
    """

    gflop: float
    least_mb: float
    unfused_mb: float
    floor_ms: float
    unfused_ms: float
    measured_ms: float
    share: float


def roofline(
    cost: GraphCost, rates: DeviceRates, measured_ms: float, *, halved: bool = False
) -> Roofline:
    """Set a graph's cost beside a device's rates.

    Args:
        cost: of the graph, as its file has it.
        rates: of the device.
        measured_ms: that the graph took.
        halved: the engine keeps in half precision what is single precision in the file.
    """
    size = 0.5 if halved else 1.0
    floor = max(cost.flops / rates.matrix, size * cost.least_bytes / rates.copy)
    unfused = sum(
        max(node.flops / rates.matrix, size * node.nbytes / rates.copy) for node in cost.nodes
    )
    return Roofline(
        gflop=round(cost.flops / 1e9, 4),
        least_mb=round(size * cost.least_bytes / 1e6, 3),
        unfused_mb=round(size * cost.unfused_bytes / 1e6, 3),
        floor_ms=round(1e3 * floor, 3),
        unfused_ms=round(1e3 * unfused, 3),
        measured_ms=round(measured_ms, 3),
        share=round(1e3 * floor / measured_ms, 3),
    )
