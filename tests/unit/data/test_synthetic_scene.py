"""The generated scene."""

from __future__ import annotations

import numpy as np

from convlstm_perception.data.synthetic_scene import SyntheticScene


def test_same_seed_gives_the_same_images() -> None:
    first, second = (SyntheticScene(width=160, height=120, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.image(5), second.image(5))
    assert (first.image(5) != SyntheticScene(width=160, height=120, seed=4).image(5)).any()


def test_scene_has_the_asked_number_of_frames() -> None:
    scene = SyntheticScene(width=64, height=48, frame_count=4)
    images = list(scene)
    assert len(images) == scene.frame_count == 4
    assert images[0].shape == (48, 64, 3)


def test_figures_are_where_the_boxes_say() -> None:
    """What changes between two frames lies inside the boxes, give or take the shadow."""
    scene = SyntheticScene(width=320, height=240, walkers=3, seed=1)
    changed = np.abs(scene.image(0).astype(int) - scene.image(3)).max(axis=2) > 12
    inside = np.zeros_like(changed)
    for box in (*scene.boxes(0), *scene.boxes(3)):
        cx, cy, width, height = box
        left, right = int(cx - 0.7 * width), int(cx + 0.7 * width) + 1
        top, bottom = int(cy - 0.55 * height), int(cy + 0.58 * height) + 1
        inside[max(top, 0) : bottom, max(left, 0) : right] = True
    assert changed.sum() > 100
    assert (changed & ~inside).sum() == 0


def test_figures_stay_in_the_scene() -> None:
    scene = SyntheticScene(walkers=8, seed=2)
    for index in range(0, 2000, 100):
        boxes = scene.boxes(index)
        assert (boxes[:, 0] > 0).all() and (boxes[:, 0] < scene.width).all()
        assert (boxes[:, 1] > 0).all() and (boxes[:, 1] < scene.height).all()
