"""What is told of a machine where images are lost, from facts alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from convlstm_perception.benchmark.timing import Timing
from convlstm_perception.ros.dds_facts import DdsFacts, Profile, SharedMemory
from convlstm_perception.ros.dds_mends import find_mends, find_notes
from convlstm_perception.ros.delivery import STREAMS, Delivery, ProfileName

OLD, NEW = "FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE"
SHIPPED = Path(__file__).resolve().parents[3] / "config" / "fastdds.xml"
SEGMENT = 64 << 20
GOOD = DdsFacts(
    rmw="rmw_fastrtps_cpp",
    variables={OLD: str(SHIPPED)},
    variable=OLD,
    profile=Profile(SHIPPED, SEGMENT),
    shipped=SHIPPED,
    shipped_in_force=True,
    shared_memory=SharedMemory(8 << 30, 8 << 30, 0, 0),
    receive_limit=16 << 20,
    send_limit=16 << 20,
    container=False,
)
BARE = dataclasses.replace(GOOD, variables={}, profile=None, shipped_in_force=False)


def delivered(received: int, *profiles: ProfileName) -> Delivery:
    """That many of 100 images."""
    delay = Timing.of([0.01]) if received else None
    return Delivery(profiles, STREAMS[0], 100, received, delay)


LOST = (delivered(20, "in force", "default"), delivered(100, "shipped"))
LOST_ANYHOW = (delivered(20, "in force", "shipped"), delivered(15, "default"))


def test_nothing_is_told_where_images_arrive() -> None:
    for received in (97, 100):
        assert find_mends(GOOD, [delivered(received, "in force"), delivered(3, "default")]) == ()
    assert len(find_mends(BARE, [delivered(96, "in force", "default")])) == 1
    assert find_notes(GOOD, ()) == ()


def test_without_a_profile_the_variable_and_the_file_are_named() -> None:
    (mend,) = find_mends(BARE, LOST)
    assert mend.startswith("No Fast DDS profile is set")
    assert f"export {OLD}={SHIPPED}" in mend
    (mend,) = find_mends(dataclasses.replace(BARE, variable=NEW), LOST)
    assert f"export {NEW}={SHIPPED}" in mend and OLD not in mend


def test_a_variable_that_is_not_read_is_told() -> None:
    (mend,) = find_mends(dataclasses.replace(BARE, variables={NEW: str(SHIPPED)}), LOST)
    assert mend.startswith(f"{NEW} is set, but Fast DDS reads {OLD} here")


def test_a_profile_that_cannot_be_read_is_told() -> None:
    profile = Profile(Path("gone.xml"), problem="no such file")
    facts = dataclasses.replace(BARE, profile=profile)
    (mend,) = find_mends(facts, LOST)
    assert mend.startswith("The profile gone.xml cannot be read (no such file)")


def test_another_profile_that_loses_images_is_told() -> None:
    facts = dataclasses.replace(BARE, profile=Profile(Path("own.xml"), 1 << 20))
    (mend,) = find_mends(facts, LOST)
    assert "own.xml, loses images; the shipped one does not" in mend


def test_the_shipped_profile_is_not_recommended_where_it_loses_images_too() -> None:
    lost = (delivered(20, "in force", "default"), delivered(30, "shipped"))
    (mend,) = find_mends(BARE, lost)
    assert "Look for other work on the processors" in mend and "export" not in mend
    (mend,) = find_mends(GOOD, LOST_ANYHOW)
    assert "Look for other work on the processors" in mend


def test_a_missing_shipped_profile_is_told() -> None:
    facts = dataclasses.replace(BARE, shipped=None)
    (mend,) = find_mends(facts, (delivered(20, "in force", "default"),))
    assert "is not installed" in mend


@pytest.mark.parametrize(
    ("container", "how"),
    [
        (True, "start the container with --shm-size 288m"),
        (False, "sudo mount -o remount,size=288m /dev/shm"),
    ],
)
def test_small_shared_memory_is_made_larger(container: bool, how: str) -> None:
    memory = SharedMemory(64 << 20, 60 << 20, 0, 0)
    facts = dataclasses.replace(GOOD, shared_memory=memory, container=container)
    (mend,) = find_mends(facts, LOST_ANYHOW)
    assert "/dev/shm has 60 MiB free of 64; a camera and the node take 144" in mend
    assert how in mend


def test_shared_memory_is_enough_at_two_segments_and_their_queues() -> None:
    for free, told in ((143, True), (144, False)):
        memory = SharedMemory(1 << 30, free << 20, 0, 0)
        mends = find_mends(dataclasses.replace(GOOD, shared_memory=memory), LOST_ANYHOW)
        assert ("/dev/shm" in mends[0] and "Make room" in mends[0]) is told


def test_the_shared_memory_that_the_shipped_profile_will_need_is_told_with_it() -> None:
    memory = SharedMemory(64 << 20, 60 << 20, 0, 0)
    mends = find_mends(dataclasses.replace(BARE, shared_memory=memory), LOST)
    assert ["export" in mend for mend in mends] == [True, False]
    assert "Make room" in mends[1]


def test_no_shared_memory_at_all_is_told() -> None:
    (mend,) = find_mends(dataclasses.replace(GOOD, shared_memory=None), LOST_ANYHOW)
    assert "mount -t tmpfs" in mend


def test_stale_segments_are_removed_before_memory_is_made_larger() -> None:
    memory = SharedMemory(512 << 20, 20 << 20, 7, 480 << 20)
    (mend,) = find_mends(dataclasses.replace(GOOD, shared_memory=memory), LOST_ANYHOW)
    assert mend.startswith("7 shared-memory segments") and "480 MiB" in mend
    assert mend.endswith("fastdds shm clean")
    facts = dataclasses.replace(GOOD, shared_memory=SharedMemory(64 << 20, 1 << 20, 1, 60 << 20))
    larger, stale = find_mends(facts, LOST_ANYHOW)
    assert "Make room" in larger and "fastdds shm clean" in stale


def test_many_stale_segments_are_noted_where_images_arrive() -> None:
    for stale, told in ((100, 0), (200, 1)):
        memory = SharedMemory(512 << 20, 312 << 20, 3, stale << 20)
        notes = find_notes(dataclasses.replace(GOOD, shared_memory=memory), ())
        assert len(notes) == told


def test_small_socket_buffers_are_a_mend_where_images_are_lost_and_else_a_note() -> None:
    facts = dataclasses.replace(GOOD, receive_limit=212992)
    (mend,) = mends = find_mends(facts, LOST_ANYHOW)
    assert "net.core.rmem_max is 212992" in mend
    assert "sudo sysctl -w net.core.rmem_max=16777216" in mend and "wmem" not in mend
    assert find_notes(facts, mends) == ()
    assert find_notes(facts, ()) == mends


def test_the_recommended_socket_buffer_is_what_the_shipped_profile_asks_for() -> None:
    facts = dataclasses.replace(GOOD, receive_limit=1, send_limit=1)
    (note,) = find_notes(facts, ())
    assert "rmem_max=16777216" in note and "wmem_max=16777216" in note
    text = SHIPPED.read_text()
    assert "<receiveBufferSize>16777216<" in text and "<sendBufferSize>16777216<" in text


def test_for_another_rmw_no_profile_is_recommended() -> None:
    facts = dataclasses.replace(BARE, rmw="rmw_cyclonedds_cpp")
    (mend,) = find_mends(facts, (delivered(20, "in force"),))
    assert "rmw_cyclonedds_cpp loses images" in mend and "RMW_IMPLEMENTATION" in mend
    assert OLD not in mend and NEW not in mend
    assert "is for Fast DDS, not for it" in find_notes(facts, ())[0]
