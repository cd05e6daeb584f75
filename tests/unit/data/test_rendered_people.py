"""Rendered walking figures and backgrounds."""

from __future__ import annotations

import numpy as np

from convlstm_perception.data.rendered_people import render_backgrounds, render_people


def test_the_same_seed_gives_the_same_pictures() -> None:
    for first, second in zip(render_people(4, 3), render_people(4, 3), strict=True):
        np.testing.assert_array_equal(first.image, second.image)
        np.testing.assert_array_equal(first.alpha, second.alpha)
    for one, other in zip(render_backgrounds(2, 3), render_backgrounds(2, 3), strict=True):
        np.testing.assert_array_equal(one.image, other.image)


def test_more_of_them_leave_the_first_as_they_are() -> None:
    np.testing.assert_array_equal(render_people(1, 5)[0].image, render_people(3, 5)[0].image)


def test_no_two_look_the_same() -> None:
    people = render_people(12, 0)
    colours = {tuple(person.image[person.image.shape[0] // 3].mean(axis=0)) for person in people}
    assert len(colours) == len(people)
    one, other = (render_people(1, seed)[0].image for seed in (0, 1))
    assert one.shape != other.shape or (one != other).any()
    first, second = render_backgrounds(2, 0)
    assert np.abs(first.image.astype(int) - second.image).mean() > 10


def test_a_figure_fills_its_box_to_the_edges() -> None:
    for person in render_people(40, 1):
        alpha = person.alpha
        assert person.image.shape == (*alpha.shape, 3) and person.image.dtype == np.uint8
        assert alpha.dtype == np.float32 and alpha.min() >= 0.0 and alpha.max() <= 1.0
        for edge in (alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]):
            assert edge.max() > 0.5
        rows, columns = alpha.shape
        assert 220 <= rows <= 264 and 1.8 < rows / columns < 5.0
        assert 0.3 < (alpha > 0.5).mean() < 0.9  # a figure, neither a line nor a block


def test_the_trunk_is_opaque_and_the_corners_are_clear() -> None:
    for person in render_people(40, 2):
        rows = len(person.alpha)
        middle = person.alpha[int(0.3 * rows) : int(0.4 * rows)]
        assert middle.max(axis=1).min() == 1.0
        assert person.alpha[:6, :4].max() < 0.5 and person.alpha[:6, -4:].max() < 0.5


def test_backgrounds_hold_nobody() -> None:
    for background in render_backgrounds(3, 0):
        assert background.image.shape == (480, 640, 3) and background.image.dtype == np.uint8
        assert background.boxes.shape == (0, 4)
