"""Types of messages, of rosbags' classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.located import rosbags_store


@pytest.fixture(scope="session")
def store() -> Any:
    pytest.importorskip("rosbags", reason="rosbags is not installed here")
    return rosbags_store()


@pytest.fixture
def again(store: Any) -> Callable[[Any], Any]:
    """A message as it comes out of CDR."""

    def through_cdr(message: Any) -> Any:
        kind = message.__msgtype__
        return store.deserialize_cdr(store.serialize_cdr(message, kind), kind)

    return through_cdr
