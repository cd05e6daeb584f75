"""Colours of tracks: stable by id and distinguishable by colour-blind people."""

from __future__ import annotations

Colour = tuple[int, int, int]

# Okabe and Ito's palette without its black and its dark blue, which vanish on dark
# ground, and with Tol's light blue-violet in their place; blue, green, red.
TRACK_COLOURS: tuple[Colour, ...] = (
    (233, 180, 86),
    (0, 159, 230),
    (115, 158, 0),
    (66, 228, 240),
    (167, 121, 204),
    (0, 94, 213),
    (221, 170, 153),
)

# Those without the warm ones, which are kept for alerts where there can be any.
CALM_TRACK_COLOURS = tuple(TRACK_COLOURS[index] for index in (0, 2, 4, 6))

WHITE: Colour = (255, 255, 255)
NEAR_BLACK: Colour = (24, 22, 20)


def track_colour(track_id: int) -> Colour:
    """The colour of a track as (blue, green, red); neighbouring ids differ."""
    return TRACK_COLOURS[track_id % len(TRACK_COLOURS)]


def calm_track_colour(track_id: int) -> Colour:
    """The same, of colours that nobody takes for an alert."""
    return CALM_TRACK_COLOURS[track_id % len(CALM_TRACK_COLOURS)]


def text_colour(background: Colour) -> Colour:
    """Near-black or white, whichever reads better on the background."""
    blue, green, red = background
    luminance = 0.114 * blue + 0.587 * green + 0.299 * red
    return NEAR_BLACK if luminance > 110.0 else WHITE
