"""Recorded runs of a network, one for each set of addresses that returns."""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import Any

from convlstm_perception.engine.device.device import Addresses, Device, DeviceNetwork
from convlstm_perception.errors import CaptureError

MOST_GRAPHS = 128
_logger = logging.getLogger(__name__)
_Key = tuple[int, ...]


class ReplayedNetwork:
    """Runs a network, and replays a recording where it ran with the same addresses before.

    A camera at a steady rate goes through its ring in as many phases as the ring has places, each
    with addresses of its own: after two rounds every run is a replay. The first run with some
    addresses is a plain one, for a network may allocate in it what must not be recorded; at the
    second it is recorded as well. Of irregular streams only what returns is recorded, and what was
    not needed for the longest time is dropped beyond ``most`` recordings.

    Args:
        device: that the network is loaded on.
        network: to run.
        most: recordings at the same time; 0 records none.
    """

    def __init__(self, device: Device, network: DeviceNetwork, most: int = MOST_GRAPHS) -> None:
        self._device, self._network, self._most = device, network, most
        self._graphs: OrderedDict[_Key, Any] = OrderedDict()
        self._seen: OrderedDict[_Key, None] = OrderedDict()

    @property
    def recordings(self) -> int:
        """Number of recordings."""
        return len(self._graphs)

    def enqueue(self, batch: int, addresses: Addresses) -> None:
        """See :meth:`DeviceNetwork.enqueue`."""
        key = (batch, *addresses.values())
        graph = self._graphs.get(key)
        if graph is not None:
            self._graphs.move_to_end(key)
            self._device.replay(graph)
            return
        self._network.enqueue(batch, addresses)
        if self._most and key in self._seen:
            self._record(key, batch, addresses)
        elif self._most:
            self._seen[key] = None
            _drop_oldest(self._seen, self._most)

    def close(self) -> None:
        """Give up the recordings; the network stays."""
        while self._graphs:
            self._device.discard(self._graphs.popitem()[1])
        self._seen.clear()

    def _record(self, key: _Key, batch: int, addresses: Addresses) -> None:
        del self._seen[key]
        try:
            graph = self._device.capture(lambda: self._network.enqueue(batch, addresses))
        except CaptureError as error:
            _logger.warning("%s; its runs are not replayed from now on, which is slower", error)
            self._most = 0
            return
        self._graphs[key] = graph
        for dropped in _drop_oldest(self._graphs, self._most):
            self._device.discard(dropped)


def _drop_oldest(entries: OrderedDict[_Key, Any], most: int) -> list[Any]:
    return [entries.popitem(last=False)[1] for _ in range(len(entries) - most)]
