"""What all charts have in common: a palette, and axes without clutter."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Okabe and Ito's palette, of those that show on white.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")


def make_figure(size: tuple[float, float], resolution: int) -> Figure:
    """An empty figure of ``size`` inches with ``resolution`` pixels an inch.

    No pyplot: it keeps figures and chooses a backend for the whole process.
    """
    figure = Figure(figsize=size, dpi=resolution, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def plain_axes(axes: Axes, across: str, up: str) -> None:
    """Name the axes, draw a faint grid, and leave out the lines above and to the right."""
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.grid(color="#dddddd", linewidth=0.7)
    axes.spines[["top", "right"]].set_visible(False)
