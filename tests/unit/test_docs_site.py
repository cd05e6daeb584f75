"""The documentation: links, navigation and generated pages, without building the site."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
SITE = runpy.run_path(str(ROOT / "tools" / "docs_site.py"))
CONFIGURATION = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
PAGES = sorted(
    [*DOCS.rglob("*.md"), ROOT / "README.md", *(ROOT / p for p in SITE["OUTSIDE_PAGES"])]
)


def in_navigation(entry: Any) -> Iterator[str]:
    """Every page that the navigation names."""
    if isinstance(entry, str):
        yield entry
        return
    for value in entry.values() if isinstance(entry, dict) else entry:
        yield from in_navigation(value)


NAVIGATION = list(in_navigation(CONFIGURATION["nav"]))


def test_the_navigation_names_pages_that_exist() -> None:
    outside = SITE["OUTSIDE_PAGES"].values()
    assert not [page for page in NAVIGATION if page not in outside and not (DOCS / page).is_file()]
    assert len(NAVIGATION) == len(set(NAVIGATION))


def test_the_navigation_names_every_page() -> None:
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert pages <= set(NAVIGATION)
    assert set(SITE["OUTSIDE_PAGES"].values()) <= set(NAVIGATION)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_lead_to_files_of_the_repository(page: Path) -> None:
    for link in SITE["links"](page.read_text()):
        assert (page.parent / link).resolve().exists(), f"{page}: {link}"


def test_links_that_leave_docs_are_found_in_the_site() -> None:
    rewritten = SITE["rewritten"]
    text = "[a](../config/fastdds.xml) [b](../docker/README.md#x) [c](ground.md) [d](gone.md)"
    assert rewritten("robot.md", text) == (
        "[a](files/config/fastdds.xml) [b](docker.md#x) [c](ground.md) [d](gone.md)"
    )
    assert rewritten("reference/topics.md", "[a](../outputs.md)") == "[a](../outputs.md)"
    assert rewritten("docker.md", "[a](../docs/delivery.md)") == "[a](delivery.md)"


def test_a_link_with_a_scheme_is_left_alone() -> None:
    text = "[a](https://example.org/x.md) [b](#here)"
    assert SITE["links"](text) == []
    assert SITE["rewritten"]("robot.md", text) == text


@pytest.mark.parametrize("name", ["parameters.md", "messages.md", "cli.md"])
def test_generated_pages_are_what_their_tool_makes_of_the_code(name: str) -> None:
    pytest.importorskip("rclpy", reason="no ROS 2 in this environment")
    tool = runpy.run_path(str(ROOT / "tools" / "write_reference.py"))
    assert set(tool["PAGES"]) == {"parameters.md", "messages.md", "cli.md"}
    assert (DOCS / "reference" / name).read_text() == tool["PAGES"][name]()


def test_the_page_of_topics_names_every_topic() -> None:
    pytest.importorskip("rclpy", reason="no ROS 2 in this environment")
    from convlstm_perception.ros.outputs import NUMBERS, PICTURES

    text = (DOCS / "reference" / "topics.md").read_text()
    for output in (*NUMBERS, *PICTURES):
        assert f"`~/{output.topic}`" in text
        package, _, kind = output.kind.split("/")
        assert f"`{package}/{kind}`" in text
