"""What is told of a camera, from what was seen of it alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from convlstm_perception.camera_check import (
    Calibration,
    Expectations,
    Finding,
    Sight,
    SightedImage,
    TopicPublisher,
    judge,
)
from convlstm_perception.camera_check.sight import COMPRESSED_TYPE, RAW_TYPE

NODE = Expectations("best_effort", 0.1, 0.05, 64 << 20, "export PROFILE=fastdds.xml")
START_NS = 1_800_000_000_000_000_000
PERIOD_NS = 50_000_000


def image(number: int, **changes: object) -> SightedImage:
    """One of a sound camera's, 20 a second."""
    seen = SightedImage(
        arrived=100.0 + number * 0.05,
        stamp_ns=START_NS + number * PERIOD_NS,
        age=0.01,
        simulated_age=None,
        frame_id="camera_optical",
        width=640,
        height=480,
        size=640 * 480 * 3,
    )
    return dataclasses.replace(seen, **changes)  # type: ignore[arg-type]


def sight(
    change: Callable[[SightedImage], SightedImage] = lambda seen: seen, **changes: object
) -> Sight:
    """A sound camera, watched for two seconds; with its images changed, or other facts."""
    images = tuple(change(image(number)) for number in range(40))
    whole = Sight(
        topic="/camera/image",
        publishers=(TopicPublisher("/driver", RAW_TYPE, "reliable"),),
        other_topics=(),
        images=images,
        calibration_topic="/camera/camera_info",
        calibration_publishers=1,
        calibrations=tuple(Calibration(seen.stamp_ns, 640, 480) for seen in images),
        seconds=2.0,
    )
    return dataclasses.replace(whole, **changes)  # type: ignore[arg-type]


def only(seen: Sight, expected: Expectations = NODE) -> Finding:
    """The single finding."""
    (finding,) = judge(seen, expected)
    return finding


def replaced(**changes: object) -> Callable[[SightedImage], SightedImage]:
    return lambda seen: dataclasses.replace(seen, **changes)  # type: ignore[arg-type]


def number_of(seen: SightedImage) -> int:
    return (seen.stamp_ns - START_NS) // PERIOD_NS


def test_a_sound_camera_has_no_findings() -> None:
    assert judge(sight(), NODE) == ()


def test_a_mistaken_name_is_answered_with_those_that_there_are() -> None:
    nobody = sight(publishers=(), images=(), calibrations=())
    assert "ROS_DOMAIN_ID" in only(nobody).mend
    elsewhere = dataclasses.replace(nobody, other_topics=("/usb_cam/image_raw",))
    assert "/usb_cam/image_raw" in only(elsewhere).mend


def test_another_type_is_told_alone() -> None:
    wrong = (TopicPublisher("/driver", "std_msgs/msg/String", "reliable"),)
    finding = only(sight(publishers=wrong, images=(), calibrations=()))
    assert finding.about == "type" and "std_msgs/msg/String" in finding.text


def test_best_effort_matches_unless_reliable_is_asked_for() -> None:
    offered = (TopicPublisher("/driver", RAW_TYPE, "best_effort"),)
    note = only(sight(publishers=offered))
    assert note.about == "qos" and not note.problem
    asked = dataclasses.replace(NODE, reliability="reliable")
    finding = only(sight(publishers=offered, images=()), asked)
    assert finding.problem and "image_reliability to best_effort" in finding.mend
    assert judge(sight(), asked) == ()


def test_compressed_images_need_the_parameter_transport() -> None:
    note = only(sight(publishers=(TopicPublisher("/driver", COMPRESSED_TYPE, "reliable"),)))
    assert not note.problem and "transport" in note.mend


def test_two_publishers_are_named() -> None:
    both = tuple(TopicPublisher(name, RAW_TYPE, "reliable") for name in ("/one", "/two"))
    assert "/one, /two" in only(sight(publishers=both)).text


def test_a_publisher_that_is_silent_is_told() -> None:
    finding = only(sight(images=(), calibrations=()))
    assert finding.about == "silence" and "/driver" in finding.text


@pytest.mark.parametrize(
    ("changes", "about", "words"),
    [
        ({"unreadable": "encoding '32FC1' is not supported"}, "image", "40 of 40 images cannot"),
        ({"shows_nothing": "the image is black (99 %)"}, "image", "is black"),
        ({"shows_nothing": "the image is saturated (99 %)"}, "image", "is saturated"),
        ({"shows_nothing": "the image is frozen: 0.5 s"}, "image", "is frozen"),
        ({"age": 3.5}, "clock", "3.50 s behind the clock"),
        ({"age": -0.2}, "clock", "0.20 s ahead of the clock"),
        ({"age": 0.4}, "clock", "0.40 s after their stamp"),
        ({"frame_id": ""}, "frame_id", "is empty"),
    ],
)
def test_faults_of_every_image(changes: dict[str, object], about: str, words: str) -> None:
    finding = only(sight(replaced(**changes)))
    assert finding.problem and finding.about == about and words in finding.text


def test_ages_within_reason_are_nothing_to_tell() -> None:
    for age in (-0.05, 0.0, 0.3):
        assert judge(sight(replaced(age=age)), NODE) == ()


def test_a_changing_resolution_is_told_with_both() -> None:
    changing = sight(lambda seen: dataclasses.replace(seen, width=640 + number_of(seen) % 2))
    assert "640x480, 641x480" in only(changing).text


def test_stamps_of_zero_and_stamps_that_fall_back() -> None:
    zero = sight(replaced(stamp_ns=0, age=1.8e9))
    assert "every stamp is zero" in judge(zero, NODE)[0].text
    assert "clock" not in {finding.about for finding in judge(zero, NODE)}
    images = list(sight().images)
    images[20] = dataclasses.replace(images[20], stamp_ns=images[19].stamp_ns)
    finding = only(sight(images=tuple(images)))
    assert finding.about == "stamps" and "1 of 40" in finding.text


def test_stamps_since_boot_and_of_a_simulator_are_told_apart() -> None:
    def boot(seen: SightedImage) -> SightedImage:
        return dataclasses.replace(seen, stamp_ns=seen.stamp_ns - START_NS, age=1.8e9)

    findings = {finding.about: finding for finding in judge(sight(boot), NODE)}
    assert "another beginning than 1970" in findings["clock"].text
    simulated = sight(lambda seen: dataclasses.replace(boot(seen), simulated_age=0.01))
    findings = {finding.about: finding for finding in judge(simulated, NODE)}
    assert not findings["clock"].problem and "use_sim_time:=true" in findings["clock"].mend


def test_a_simulated_image_may_overtake_the_clock_of_its_step() -> None:
    assert not only(sight(replaced(age=1.8e9, simulated_age=-0.1))).problem
    problems = judge(sight(replaced(age=1.8e9, simulated_age=-2.0)), NODE)
    assert any("2.00 s ahead of the clock" in finding.text for finding in problems)


def test_a_clock_that_the_camera_does_not_follow_is_a_note() -> None:
    note = only(sight(replaced(simulated_age=-1.8e9)))
    assert not note.problem and "use_sim_time false" in note.mend


def test_a_rate_below_the_window_s_is_told_and_its_own_is_not() -> None:
    def every(seconds: float) -> Sight:
        return sight(
            lambda seen: dataclasses.replace(
                seen,
                stamp_ns=START_NS + round(number_of(seen) * seconds * 1e9),
                arrived=number_of(seen) * seconds,
            )
        )

    assert judge(dataclasses.replace(every(0.1), calibrations=sight().calibrations), NODE) == ()
    finding = only(dataclasses.replace(every(0.2), calibrations=sight().calibrations))
    assert finding.about == "rate" and "5.0 images a second" in finding.text
    assert "send 10 a second" in finding.mend


def test_too_few_images_for_a_rate() -> None:
    assert "only 2 images" in only(sight(images=sight().images[:2])).text


def test_gaps_are_counted_by_the_stamps() -> None:
    images = sight().images
    finding = only(sight(images=images[:10] + images[13:]))
    assert finding.about == "gaps"
    assert "3 of 40 images are missing" in finding.text and "0.20 s" in finding.text
    assert judge(sight(images=images[:10] + images[11:]), NODE) == ()  # one of forty


def test_bursts_are_told() -> None:
    burst = sight(
        lambda seen: dataclasses.replace(seen, arrived=100 + 0.2 * (number_of(seen) // 4))
    )
    assert only(burst).about == "jitter"


@pytest.mark.parametrize(
    ("calibrations", "publishers", "words"),
    [
        ((), 0, "nobody publishes /camera/camera_info"),
        ((), 1, "brought nothing"),
        ((Calibration(START_NS, 640, 480, "not calibrated"),), 1, "not calibrated"),
        ((Calibration(START_NS, 1280, 960),), 1, "for images of 1280x960, but these are 640x480"),
    ],
)
def test_what_is_wrong_with_the_calibration(
    calibrations: tuple[Calibration, ...], publishers: int, words: str
) -> None:
    finding = only(sight(calibrations=calibrations, calibration_publishers=publishers))
    assert finding.problem and words in finding.text


def test_calibrations_without_the_images_stamps_are_a_note() -> None:
    note = only(sight(calibrations=(Calibration(START_NS + 1, 640, 480),)))
    assert not note.problem and "stamp of an image" in note.text


def test_large_images_need_a_segment_that_holds_some() -> None:
    large = sight(replaced(size=6 << 20))
    assert judge(large, NODE) == ()
    for segment, words in ((None, "no DDS profile"), (8 << 20, "has 8 MiB")):
        finding = only(large, dataclasses.replace(NODE, segment=segment))
        assert words in finding.text and "export PROFILE=fastdds.xml" in finding.mend
    small = sight(replaced(size=100_000))
    assert judge(small, dataclasses.replace(NODE, segment=None)) == ()
