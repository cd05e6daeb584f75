"""What every test run needs before its first test."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Take SIGINT back.

    A run started in a shell's background has it ignored, and would hand that on to the processes
    that tests start and interrupt.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
