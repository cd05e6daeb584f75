"""Numbers on the command line, checked with a message that says what was expected."""

from __future__ import annotations

import argparse
import math


def number(text: str, expected: str) -> float:
    """Parse a finite number; ``expected`` says what it should have been."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r}: expected {expected}")
    return value


def positive_number(text: str) -> float:
    """Parse a number above zero."""
    value = number(text, "a number above 0")
    if value <= 0.0:
        raise argparse.ArgumentTypeError(f"{text}: expected a number above 0")
    return value


def seconds(text: str) -> float:
    """Parse a duration, zero allowed."""
    value = number(text, "a number of seconds")
    if value < 0.0:
        raise argparse.ArgumentTypeError(f"{text} s: expected 0 or more")
    return value


def count(text: str) -> int:
    """Parse a whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number from 1")
    return int(text)
