"""The files for RViz and Foxglove show topics that the node publishes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from tests.support.policy import FOLDER, allowed_names

CONFIG = Path(__file__).resolve().parents[2] / "config"
RVIZ = CONFIG / "rviz" / "perception.rviz"
FOXGLOVE = CONFIG / "foxglove" / "perception.json"
NODE = "/convlstm_perception"


def published() -> set[str]:
    """What the policy allows, which a test compares with the running node."""
    return set(allowed_names(FOLDER / "perception.policy.xml")["publisher"])


def panels(layout: Any) -> set[str]:
    """The panels that a layout places."""
    if isinstance(layout, str):
        return {layout}
    return panels(layout["first"]) | panels(layout["second"])


def test_rviz_shows_what_is_published() -> None:
    manager = yaml.safe_load(RVIZ.read_text())["Visualization Manager"]
    assert manager["Global Options"]["Fixed Frame"] == "base_link"
    topics = {
        display["Class"].split("/")[-1]: display["Topic"]["Value"]
        for display in manager["Displays"]
        if "Topic" in display
    }
    assert topics == {
        "MarkerArray": f"{NODE}/markers",
        "PoseArray": f"{NODE}/poses",
        "Image": f"{NODE}/overlay",
    }
    assert set(topics.values()) <= published()


def test_foxglove_shows_what_is_published() -> None:
    layout = json.loads(FOXGLOVE.read_text())
    assert panels(layout["layout"]) == set(layout["configById"])
    named = {
        text.split(".")[0] for text in re.findall(r'"(/[a-z_/.\[\]:]+)"', FOXGLOVE.read_text())
    }
    assert {f"{NODE}/overlay", f"{NODE}/image_annotations", f"{NODE}/markers"} <= named
    assert {f"{NODE}/status", "/diagnostics"} <= named
    assert named <= published(), named - published()
