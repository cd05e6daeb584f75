"""People cut out of photographs, drawn into the boxes of tracks."""

from __future__ import annotations

import numpy as np
import pytest

from convlstm_perception.data.composited_sequence import CompositedImages, composite
from convlstm_perception.data.sequence import AnnotatedSequence, FrameTruth
from convlstm_perception.data.stills import Cutout, Photograph

WIDTH, HEIGHT, RATE = 320, 240, 30.0
GROUND = 50
BACKGROUND = Photograph(np.full((HEIGHT, WIDTH, 3), GROUND, np.uint8), np.zeros((0, 4), np.float32))


def plain(value: int, rows: int = 100, columns: int = 40) -> Cutout:
    """A block of one grey, so that every pixel of a person can be told."""
    return Cutout(
        np.full((rows, columns, 3), value, np.uint8), np.ones((rows, columns), np.float32)
    )


def truth(*boxes: tuple[float, float, float, float], first_id: int = 1) -> FrameTruth:
    ids = np.arange(first_id, first_id + len(boxes))
    return FrameTruth(ids, np.array(boxes, np.float32).reshape(-1, 4))


def sequence(truths: dict[int, FrameTruth]) -> AnnotatedSequence:
    return AnnotatedSequence("walk", RATE, WIDTH, HEIGHT, truths)


def drawn(
    frames: AnnotatedSequence,
    cutouts: list[Cutout],
    *,
    width: int = WIDTH,
    every: int = 1,
    longest: float = 10.0,
    seed: int = 0,
) -> tuple[AnnotatedSequence, list[np.ndarray]]:
    made = composite(
        frames, cutouts, [BACKGROUND], width=width, every=every, longest=longest, seed=seed
    )
    assert made.images is not None
    return made, list(made.images)


def walk(count: int) -> dict[int, FrameTruth]:
    return {number: truth((40.0 + 2 * number, 120, 32, 80)) for number in range(count)}


def test_the_same_seed_gives_the_same_pictures() -> None:
    random = np.random.default_rng(0)
    alpha = np.ones((100, 40), np.float32)
    cutouts = [Cutout(random.integers(0, 256, (100, 40, 3), np.uint8), alpha) for _ in range(4)]
    frames = sequence({0: truth(*((30.0 + 40 * k, 120, 32, 80) for k in range(7)))})
    first, again, other = (drawn(frames, cutouts, seed=seed)[1][0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_a_person_looks_the_same_in_all_frames() -> None:
    cutouts = [plain(value) for value in (80, 120, 160, 200, 240)]
    _, images = drawn(sequence(walk(8)), cutouts)
    looks = {int(image[120, 40 + 2 * number, 0]) for number, image in enumerate(images)}
    assert len(looks) == 1 and looks != {GROUND}


@pytest.mark.parametrize("rows", [40, 400])  # to be enlarged, and to be shrunk
@pytest.mark.parametrize("box", [(100.0, 120.0, 32.0, 80.0), (100.5, 120.5, 33.0, 81.0)])
def test_a_person_covers_its_box_and_nothing_else(
    rows: int, box: tuple[float, float, float, float]
) -> None:
    _, images = drawn(sequence({0: truth(box)}), [plain(200, rows, rows // 2)])
    x, y, width, height = box
    inside = np.zeros((HEIGHT, WIDTH), bool)
    left, right = round(x - width / 2), round(x + width / 2)
    top, bottom = round(y - height / 2), round(y + height / 2)
    inside[top:bottom, left:right] = True
    assert (images[0][~inside] == GROUND).all()
    inner = np.s_[top + 2 : bottom - 2, left + 2 : right - 2]
    assert (images[0][inner] >= 199).all()  # blending rounds down
    solid = (images[0][..., 0] > (GROUND + 200) / 2).sum()
    assert solid == pytest.approx(width * height, rel=0.12)


def test_people_beyond_the_edge_are_cut_off() -> None:
    boxes = ((0.0, 120, 32, 80), (WIDTH, HEIGHT, 32, 80), (-200.0, 120, 32, 80))
    _, images = drawn(sequence({0: truth(*boxes)}), [plain(200)])
    assert (images[0][120, :14] == 200).all() and (images[0][120, 17:] == GROUND).all()
    assert (images[0][-1, -10:-1] == 200).all()


def test_the_lower_person_is_drawn_over_the_farther_one() -> None:
    near, far = (100.0, 130, 40, 100), (110.0, 110, 40, 80)
    cutouts = [plain(100), plain(200)]
    for identities in range(1, 20, 2):  # looks go by id: find a pair that differs
        _, alone = drawn(sequence({0: truth(near, first_id=identities)}), cutouts)
        _, both = drawn(sequence({0: truth(near, far, first_id=identities)}), cutouts)
        overlap = both[0][100:140, 95:115]
        np.testing.assert_array_equal(overlap, alone[0][100:140, 95:115])
        # The same, whichever comes first in the table.
        ids = np.array([identities + 1, identities])
        swapped = FrameTruth(ids, np.array([far, near], np.float32))
        np.testing.assert_array_equal(drawn(sequence({0: swapped}), cutouts)[1][0], both[0])
        if both[0][120, 125, 0] != overlap[0, 0, 0]:
            return
    raise AssertionError("the two people never looked different")


def test_every_takes_each_nth_frame_from_the_first_person_on() -> None:
    truths = {number: truth() for number in range(5)}
    truths |= {5 + number: frame for number, frame in walk(20).items()}
    made, images = drawn(sequence(truths), [plain(200)], every=3)
    assert made.images is not None
    assert made.frame_rate == made.images.frame_rate == RATE / 3
    assert sorted(made.truths) == list(range(7)) and len(images) == 7
    assert [float(made.truths[number].boxes[0, 0]) for number in (0, 1, 6)] == [40, 46, 76]


def test_longest_limits_the_seconds() -> None:
    made, images = drawn(sequence(walk(90)), [plain(200)], every=2, longest=1.0)
    assert len(made.truths) == len(images) == 15


def test_it_ends_where_the_annotation_does() -> None:
    truths = walk(20)
    del truths[8]
    made, _ = drawn(sequence(truths), [plain(200)])
    assert sorted(made.truths) == list(range(8))


def test_pictures_and_boxes_are_scaled() -> None:
    frames = sequence(
        {
            0: FrameTruth(
                np.array([1, 2]),
                np.array([[100, 120, 32, 80], [200, 120, 6, 9]], np.float32),
                np.array([[10, 20, 4, 8]], np.float32),
            )
        }
    )
    made, images = drawn(frames, [plain(200)], width=160)
    assert (made.width, made.height) == (160, 120) and images[0].shape == (120, 160, 3)
    source = made.images
    assert source is not None
    assert (source.width, source.height, source.frame_count) == (160, 120, 1)
    # Of the second person, 3 pixels wide, nothing would show: it is asked of nobody.
    assert made.truths[0].ids.tolist() == [1]
    assert made.truths[0].boxes.tolist() == [[50, 60, 16, 40]]
    assert made.truths[0].ignored.tolist() == [[5, 10, 2, 4]]
    assert (images[0][60, 44:56] == 200).all() and (images[0][60, 60:] == GROUND).all()


def test_an_iteration_can_be_repeated() -> None:
    made, images = drawn(sequence(walk(4)), [plain(90), plain(200)])
    assert made.images is not None
    for first, again in zip(images, made.images, strict=True):
        np.testing.assert_array_equal(first, again)


def test_frames_nobody_annotated_show_the_background() -> None:
    truths = {0: truth((100.0, 120, 32, 80)), 2: truth((100.0, 120, 32, 80))}
    pictures = CompositedImages("gap", truths, WIDTH, HEIGHT, RATE, [plain(200)], BACKGROUND, 0)
    images = list(pictures)
    assert pictures.frame_count == len(images) == 3
    assert (images[1] == GROUND).all() and (images[2] == images[0]).all()
