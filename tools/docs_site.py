"""Hooks of mkdocs: the site is made of the same pages that are read in the repository.

Links from pages of docs/ to files elsewhere in the repository work there. For the site those files
are added to it: Markdown with a place in the navigation as a page (OUTSIDE_PAGES), all else as is.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"

OUTSIDE_PAGES = {
    "models/pedestrian-motion/MODEL_CARD.md": "model-card.md",
    "docker/README.md": "docker.md",
    "CONTRIBUTING.md": "contributing.md",
}
"""Path in the repository to path in the site."""

_LINK = re.compile(r"(?<=\]\()(?P<path>[^)\s#:]+)(?P<anchor>#[^)\s]*)?(?=\))")
_FILES = "files"  # folder of the site that holds what is no page


def links(text: str) -> list[str]:
    """The relative paths that Markdown links and images name, without anchors."""
    return [match["path"] for match in _LINK.finditer(text)]


def source_of(uri: str) -> str:
    """The path in the repository of a page of the site."""
    return next((path for path, page in OUTSIDE_PAGES.items() if page == uri), f"docs/{uri}")


def site_target(source: str, link: str) -> str | None:
    """The path in the site of what a page links to; None where the repository has no such file.

    Args:
        source: path of the page in the repository.
        link: relative path, as it stands in the page.
    """
    target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link))
    if target in OUTSIDE_PAGES:
        return OUTSIDE_PAGES[target]
    if target == "README.md":
        return "index.md"
    if target.startswith("docs/"):
        page = target.removeprefix("docs/")
        return page if (DOCS / page).is_file() else None
    return f"{_FILES}/{target}" if (ROOT / target).is_file() else None


def rewritten(uri: str, text: str) -> str:
    """A page's text with links as they are in the site; those that lead nowhere stay."""
    source = source_of(uri)

    def rewrite(match: re.Match[str]) -> str:
        target = site_target(source, match["path"])
        if target is None:
            return match[0]
        return posixpath.relpath(target, posixpath.dirname(uri) or ".") + (match["anchor"] or "")

    return _LINK.sub(rewrite, text)


def on_files(files: Any, config: Any) -> Any:
    """Add what is not in docs/ (a hook of mkdocs)."""
    from mkdocs.structure.files import File

    for path, page in OUTSIDE_PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / path)))
    sources = [*(f"docs/{path.relative_to(DOCS)}" for path in DOCS.rglob("*.md")), *OUTSIDE_PAGES]
    targets = {
        target
        for source in sources
        for link in links((ROOT / source).read_text())
        if (target := site_target(source, link)) and target.startswith(f"{_FILES}/")
    }
    for target in sorted(targets):
        path = ROOT / target.removeprefix(f"{_FILES}/")
        files.append(File.generated(config, target, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Let links lead to their places in the site (a hook of mkdocs)."""
    return rewritten(page.file.src_uri, markdown)
