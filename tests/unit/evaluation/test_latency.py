"""Which answer is the newest, and what its age costs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from convlstm_perception.evaluation.latency import (
    boxes_after,
    publish_times,
    streaming_summary,
)
from tests.support.answers import boxes_of, perfect, standing, walking


def test_no_latency_publishes_every_frame_at_once() -> None:
    answers = publish_times(np.zeros(5), 10.0)
    assert answers.frames.tolist() == [0, 1, 2, 3, 4]
    assert answers.times == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])
    assert [answers.newest_at(time) for time in (0.0, 0.25, 0.4)] == [0, 2, 4]


def test_a_busy_worker_skips_to_the_newest_frame() -> None:
    # 0.25 s a frame at 10 frames a second: frame 0 until 0.25, then frame 2 until 0.5, then 5.
    answers = publish_times(np.full(8, 0.25), 10.0)
    assert answers.frames.tolist() == [0, 2, 5, 7]
    assert answers.times == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert [answers.newest_at(time) for time in (0.2, 0.25, 0.49, 0.5)] == [None, 0, 0, 2]


def test_a_worker_waits_for_the_next_frame() -> None:
    answers = publish_times(np.array([0.25, 0.0, 0.01, 0.01]), 10.0)
    assert answers.frames.tolist() == [0, 2, 3]
    assert answers.times == pytest.approx([0.25, 0.26, 0.31])


def test_old_boxes_of_walking_people_miss_and_moved_ones_do_not() -> None:
    # 100 px/s, boxes 20 px wide; after the first frames an answer is 0.1 s old: 10 px, overlap 1/3.
    summary = streaming_summary([perfect({1: walking(50.0, 100.0)}, 20, latency=0.1)])
    assert summary.instant_ap50 == pytest.approx(1.0)
    assert summary.published_ap50 == 0.0
    assert summary.moved_ap50 == pytest.approx(19 / 20)  # nothing is published for frame 0
    assert summary.mean_age == pytest.approx(0.1)
    assert summary.mean_latency == pytest.approx(0.1)
    assert summary.processed_share == 1.0


def test_age_costs_nobody_who_stands_still() -> None:
    summary = streaming_summary([perfect({1: standing(50.0)}, 20, latency=0.25)])
    assert summary.published_ap50 == summary.moved_ap50 == pytest.approx(17 / 20)
    assert summary.processed_share == pytest.approx(9 / 20)  # 0, 2, 5, 7, ..., 17, 19


def test_given_latencies_replace_the_recorded_ones() -> None:
    sequence = perfect({1: walking(50.0, 100.0)}, 20, latency=0.1)
    summary = streaming_summary([sequence], [np.zeros(20)])
    assert summary.published_ap50 == summary.moved_ap50 == pytest.approx(1.0)
    with pytest.raises(ValueError, match="perfect: 3 latencies for 20 answers"):
        streaming_summary([sequence], [np.zeros(3)])
    with pytest.raises(ValueError, match="negative"):
        streaming_summary([sequence], [np.full(20, -0.1)])


def test_boxes_stay_where_their_trajectories_end() -> None:
    found = perfect({1: walking(50.0, 10.0)}, 1).results[0].detections
    assert boxes_after(found, 0.0)[0, 0] == pytest.approx(50.0)
    assert boxes_after(found, 0.25)[0, 0] == pytest.approx(52.5)
    assert boxes_after(found, 9.0)[0, 0] == pytest.approx(80.0)


def test_frames_of_nobody_are_not_a_number() -> None:
    sequence = replace(perfect({1: standing(50.0)}, 2), truths={})
    assert np.isnan(streaming_summary([sequence]).published_ap50)


def test_boxes_in_ignored_regions_are_no_errors() -> None:
    both = perfect({1: standing(50.0), 2: standing(300.0)}, 10)
    alone = perfect({1: standing(50.0)}, 10).truths
    region = boxes_of((300, 100, 40, 60))
    excused = {frame: replace(truth, ignored=region) for frame, truth in alone.items()}
    assert streaming_summary([replace(both, truths=alone)]).instant_ap50 < 0.7
    summary = streaming_summary([replace(both, truths=excused)])
    assert summary.instant_ap50 == summary.moved_ap50 == pytest.approx(1.0)
