"""Rain as a radar might see it, where there is no radar: cells that move, grow and decay.

Not weather: Gaussian cells with a core and a halo, born and dying at random, in groups, all of them
carried by a wind that turns slowly and is not the same everywhere. What is right about it is that
part of the future is motion and part is not: an extrapolation along the motion is hard to beat soon
and easy to beat later, as with radar.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from convlstm_perception.forecasting.fields import Labels, MemorySeries
from convlstm_perception.types import Float32Array

STEP = np.timedelta64(5, "m")
"""Between two frames."""

_START = np.datetime64("2000-01-01T00:00", "ns")
_LEAST = 0.1  # mm/h; less is dry


@dataclass(frozen=True)
class RainSettings:
    """Of the cells.

    Attributes:
        side: of the field in pixels.
        cells: alive at a time, on average.
        life: frames that a cell lives, on average.
        speed: pixels a frame of the wind.
        radius: of a cell, shortest and longest, in pixels.
        peak: of a cell, on average, in mm/h.
    """

    side: int = 96
    cells: int = 40
    life: float = 24.0
    speed: float = 1.5
    radius: tuple[float, float] = (2.5, 9.0)
    peak: float = 4.0


def rain_fields(frames: int, seed: int, settings: RainSettings | None = None) -> MemorySeries:
    """Fields of rain, five minutes apart.

    Args:
        frames: how many.
        seed: of everything; the same one gives the same rain.
        settings: of the cells.

    Returns:
        (frames, 1, side, side) mm/h, at least 0.
    """
    settings = settings or RainSettings()
    random = np.random.default_rng(seed)
    margin = 4.0 * settings.radius[1]
    long_ago = 4.0 * settings.life
    births = random.poisson(settings.cells * (frames + long_ago) / settings.life)
    born = random.uniform(-long_ago, frames, births)
    life = random.gamma(4.0, settings.life / 4.0, births)
    radius = random.uniform(*settings.radius, births)
    peak = random.exponential(settings.peak, births)
    stretch = random.uniform(1.0, 2.2, births)
    angle = random.uniform(0.0, np.pi, births)
    place = _first_places(random, births, settings, margin)
    first_heading, turning = random.uniform(0.0, 2.0 * np.pi), random.normal(0.0, 0.01)

    values = np.zeros((frames, 1, settings.side, settings.side), np.float32)
    for time in range(-int(long_ago), frames):
        heading = first_heading + turning * time
        place = place + _wind(place, heading, settings)
        # What leaves comes back in from beyond the other side, out of sight.
        place = (place + margin) % (settings.side + 2.0 * margin) - margin
        if time < 0:
            continue
        age = (time - born) / life
        alive = (age > 0.0) & (age < 1.0)
        strength = peak * np.sin(np.pi * np.clip(age, 0.0, 1.0)) ** 1.5
        for cell in np.flatnonzero(alive & (strength > _LEAST)):
            values[time, 0] += _cell(
                settings.side, place[cell], radius[cell], stretch[cell], angle[cell]
            ) * np.float32(strength[cell])
    values[values < _LEAST] = 0.0
    times = _START + np.arange(frames) * STEP
    labels = Labels(times=times, variable="rain", attributes={"units": "mm/h"})
    return MemorySeries(values, f"generated rain, seed {seed}", labels)


def _first_places(
    random: np.random.Generator, births: int, settings: RainSettings, margin: float
) -> np.ndarray:
    """(births, 2) row and column; most cells are near the middle of a group."""
    groups = random.uniform(-margin, settings.side + margin, (max(1, births // 8), 2))
    near = groups[random.integers(len(groups), size=births)]
    return near + random.normal(0.0, 0.12 * settings.side, (births, 2))


def _wind(place: np.ndarray, heading: float, settings: RainSettings) -> np.ndarray:
    """(N, 2) rows and columns a frame: faster on one side of the field, and a little divergent."""
    across = (place[:, 1] / settings.side - 0.5)[:, None]
    along = np.array([np.sin(heading), np.cos(heading)])
    return settings.speed * (1.0 + 0.4 * across) * along + 0.15 * across * along[::-1]


def _cell(
    side: int, place: np.ndarray, radius: float, stretch: float, angle: float
) -> Float32Array:
    """(side, side) an ellipse with a bright core and a faint halo, 1 in its middle."""
    rows, columns = np.arange(side)[:, None] - place[0], np.arange(side)[None] - place[1]
    along = np.cos(angle) * rows + np.sin(angle) * columns
    across = -np.sin(angle) * rows + np.cos(angle) * columns
    square = (along / (radius * stretch)) ** 2 + (across / radius) ** 2
    return np.asarray(0.7 * np.exp(-2.0 * square) + 0.3 * np.exp(-0.5 * square), np.float32)
