"""TOML's reader: Python's own, or before Python 3.11 the package that it was made of."""

from __future__ import annotations

import sys

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["tomllib"]
