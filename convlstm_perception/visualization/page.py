"""Pieces of self-contained HTML pages: one look for every report, nothing loaded from elsewhere."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2

from convlstm_perception.types import Image

STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem; margin-bottom: .2rem } h2 { font-size: 1.1rem; margin-top: 1.8rem }
.verdict { padding: .6rem 1rem; border-left: .4rem solid; background: #8881 }
.passed { border-color: #009e73 } .failed { border-color: #d55e00 }
video, img { width: 100%; border-radius: .4rem }
table { border-collapse: collapse } td, th { padding: .2rem 1.2rem .2rem 0; text-align: left }
td.n { text-align: right; font-variant-numeric: tabular-nums }
figure { margin: 0 0 1rem } figcaption { color: #888; font-size: .85rem }
svg { width: 100%; height: auto }
.tables { display: flex; flex-wrap: wrap; gap: 0 4rem }
.wide { overflow-x: auto; font-size: .85rem } .wide th, .wide td { padding-right: .8rem }
.wide th { font-weight: 600; vertical-align: bottom } .wide th.n { text-align: right }
.wide tr + tr { border-top: 1px solid #8884 }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(26rem, 1fr)); gap: 0 1.2rem }
"""


def page_head(title: str) -> str:
    """Everything before a page's content, with its heading."""
    text = html.escape(title)
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width'>"
        f"<title>{text}</title><style>{STYLE}</style>\n<h1>{text}</h1>"
    )


def rows_table(rows: Iterable[tuple[str, str]]) -> str:
    """A table of names and values."""
    cells = "".join(
        f"<tr><th>{html.escape(name)}<td class=n>{html.escape(value)}" for name, value in rows
    )
    return f"<table>{cells}</table>"


def wide_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column names the row; scrolls sideways where the screen is narrow."""
    first, *others = (html.escape(name) for name in head)
    titles = f"<tr><th>{first}" + "".join(f"<th class=n>{name}" for name in others)
    body = "".join(
        f"<tr><th>{html.escape(row[0])}"
        + "".join(f"<td class=n>{html.escape(value)}" for value in row[1:])
        for row in rows
    )
    return f"<div class=wide><table>{titles}{body}</table></div>"


def figure(url: str, alt: str, caption: str = "") -> str:
    """A picture with a caption."""
    below = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
    return f"<figure><img alt='{html.escape(alt, quote=True)}' src='{url}'>{below}</figure>"


def jpeg_url(image: Image) -> str:
    """A picture inside the page, as JPEG: a tenth of PNG's size for photographs."""
    _, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 88])
    return data_url("image/jpeg", jpeg.tobytes())


def data_url(kind: str, content: bytes) -> str:
    """Content inside the page, by its media type."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write figures, indented."""
    path.write_text(json.dumps(values, indent=2) + "\n")
