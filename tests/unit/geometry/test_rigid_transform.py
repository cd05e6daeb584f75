"""Transforms: as TF has them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convlstm_perception.errors import TransformError
from convlstm_perception.geometry import RigidTransform

angles = st.floats(-math.pi, math.pi)
rotations = st.tuples(angles, st.floats(-1.5, 1.5), angles)
POINTS = np.array([[1.0, 2.0, 3.0], [-4.0, 0.5, 0.0]])


@settings(deadline=None, max_examples=50)
@given(rotations, rotations)
def test_composition_and_inverse_are_those_of_the_matrices(
    first: tuple[float, float, float], second: tuple[float, float, float]
) -> None:
    a = RigidTransform.from_euler(*first, (1.0, -2.0, 0.3))
    b = RigidTransform.from_euler(*second, (0.1, 5.0, -1.0))
    np.testing.assert_allclose((a @ b).apply(POINTS), a.apply(b.apply(POINTS)), atol=1e-12)
    np.testing.assert_allclose((a @ a.inverse()).apply(POINTS), POINTS, atol=1e-12)
    np.testing.assert_allclose(a.matrix @ a.matrix.T, np.eye(3), atol=1e-14)


def test_yaw_then_pitch_then_roll() -> None:
    """REP-103: about fixed axes x, y, z. A body that looks down pitches positively."""
    looking_down = RigidTransform.from_euler(0.0, math.radians(90), 0.0)
    np.testing.assert_allclose(looking_down.apply(np.array([1.0, 0, 0])), [0, 0, -1], atol=1e-12)
    turned = RigidTransform.from_euler(0.2, 0.1, math.radians(90))
    assert turned.yaw == pytest.approx(math.radians(90))


@settings(deadline=None, max_examples=50)
@given(rotations, st.floats(0, 1))
def test_between_two_transforms_the_turn_is_shared(
    angles: tuple[float, float, float], share: float
) -> None:
    start = RigidTransform.identity()
    end = RigidTransform.from_euler(*angles, (2.0, 0.0, 4.0))
    middle = start.towards(end, share)
    whole = 2 * math.acos(min(1.0, abs(end.quaternion[3])))
    part = 2 * math.acos(min(1.0, abs(middle.quaternion[3])))
    assert part == pytest.approx(share * whole, abs=1e-6)
    np.testing.assert_allclose(middle.translation, [2 * share, 0, 4 * share], atol=1e-12)


def test_what_is_normalised_stays_to_the_bit() -> None:
    given_one = RigidTransform.from_euler(0.3, -0.2, 2.0)
    again = RigidTransform.of(given_one.quaternion, given_one.translation)
    assert (again.quaternion == given_one.quaternion).all()


@pytest.mark.parametrize(
    ("quaternion", "translation", "said"),
    [
        ((0, 0, 0, 0), (0, 0, 0), "norm 0 in place of 1"),
        ((0, 0, 0, math.nan), (0, 0, 0), "not finite"),
        ((0, 0, 0, 1), (math.inf, 0, 0), "not finite"),
    ],
)
def test_what_is_no_rigid_motion_is_refused(
    quaternion: tuple[float, ...], translation: tuple[float, ...], said: str
) -> None:
    with pytest.raises(TransformError, match=said):
        RigidTransform.of(quaternion, translation)
