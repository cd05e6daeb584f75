"""Which detection continues which track: distance, size and looks."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from convlstm_perception.stream.association import assign, import_solver
from convlstm_perception.stream.settings import TrackerSettings

SETTINGS = TrackerSettings(
    match_distance=0.7, match_similarity=0.8, recall_similarity=0.9, appearance_weight=10.0
)


def pairs(
    tracks: list[float],
    people: list[float],
    similarity: list[list[float]],
    active: bool = True,
    height: float = 60.0,
) -> set[tuple[int, int]]:
    """Pairs of tracks and people at x in one row, 20 wide; the tracks 60 high."""
    found = assign(
        np.array([[x, 100, 20, 60] for x in tracks], np.float32).reshape(-1, 4),
        np.array([[x, 100, 20, height] for x in people], np.float32).reshape(-1, 4),
        np.array(similarity, np.float32).reshape(len(tracks), len(people)),
        np.full(len(tracks), active),
        SETTINGS,
    )
    return {(int(track), int(person)) for track, person in found}


def test_the_nearest_of_those_that_look_alike() -> None:
    same = [[1.0, 1.0], [1.0, 1.0]]
    assert pairs([100, 130], [128, 103], same) == {(0, 1), (1, 0)}


def test_looks_decide_between_neighbours() -> None:
    assert pairs([100, 110], [102, 108], [[0.82, 0.99], [0.99, 0.82]]) == {(0, 1), (1, 0)}


def test_who_is_too_far_or_too_unlike_or_of_another_size_is_nobody() -> None:
    assert pairs([100], [141], [[1.0]]) == {(0, 0)}  # 41 px are 0.68 heights
    assert pairs([100], [143], [[1.0]]) == set()
    assert pairs([100], [100], [[0.79]]) == set()
    assert pairs([100], [100], [[1.0]], height=121) == set()


def test_a_track_no_longer_published_must_look_more_alike() -> None:
    assert pairs([100], [100], [[0.85]]) == {(0, 0)}
    assert pairs([100], [100], [[0.85]], active=False) == set()
    assert pairs([100], [100], [[0.92]], active=False) == {(0, 0)}


def test_nobody_and_nothing() -> None:
    assert pairs([], [100], []) == set()
    assert pairs([100], [], [[]]) == set()


def test_scipys_solver_costs_no_import_of_scipy_optimize() -> None:
    code = (
        "import sys, convlstm_perception.stream.association\n"
        "print(*(name for name in sys.modules if name.startswith('scipy')))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert loaded.stdout.split() in ([], [b"scipy.optimize._lsap"])


def test_a_scipy_that_keeps_its_solver_elsewhere_is_imported_whole() -> None:
    solver = import_solver("scipy.optimize.not_there").linear_sum_assignment
    cost = np.random.default_rng(2).random((7, 9))
    for found, expected in zip(
        import_solver().linear_sum_assignment(cost), solver(cost), strict=True
    ):
        np.testing.assert_array_equal(found, expected)
