"""What is found on a machine, and the environments that are measured there."""

from __future__ import annotations

import dataclasses
import fcntl
from pathlib import Path

import pytest

from convlstm_perception.ros import dds_facts
from convlstm_perception.ros.dds_facts import (
    PROFILE_VARIABLES,
    find_facts,
    find_shared_memory,
    read_profile,
)
from convlstm_perception.ros.delivery import environments

OLD, NEW = PROFILE_VARIABLES
SHIPPED = Path(__file__).resolve().parents[3] / "config" / "fastdds.xml"


def test_the_shipped_profile_is_read() -> None:
    profile = read_profile(SHIPPED)
    assert profile.segment_bytes == 64 << 20 and not profile.problem


def test_profiles_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    assert "No such file" in read_profile(tmp_path / "none.xml").problem
    (tmp_path / "bad.xml").write_text("<profiles>")
    assert "no element" in read_profile(tmp_path / "bad.xml").problem
    (tmp_path / "udp.xml").write_text("<profiles/>")
    assert read_profile(tmp_path / "udp.xml").segment_bytes is None


def test_stale_segments_are_those_whose_lock_nobody_holds(tmp_path: Path) -> None:
    for name, size in (("fastrtps_aa", 1000), ("fastrtps_bb", 200), ("fastrtps_port7411", 7)):
        (tmp_path / name).write_bytes(bytes(size))
        (tmp_path / f"{name}_el").touch()
    with (tmp_path / "fastrtps_aa_el").open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        memory = find_shared_memory(tmp_path)
        assert memory and (memory.stale_segments, memory.stale_bytes) == (1, 200)
    memory = find_shared_memory(tmp_path)
    assert memory and (memory.stale_segments, memory.stale_bytes) == (2, 1200)
    assert find_shared_memory(tmp_path / "none") is None
    assert {path.name for path in tmp_path.iterdir()} >= {"fastrtps_aa", "fastrtps_bb"}


@pytest.mark.parametrize(
    ("distribution", "variable"),
    [({}, OLD), ({"ROS_DISTRO": "humble"}, OLD), ({"ROS_DISTRO": "kilted"}, NEW)],
)
def test_the_variable_in_force_is_that_of_the_distribution(
    distribution: dict[str, str], variable: str, tmp_path: Path
) -> None:
    pytest.importorskip("rclpy")
    both = {OLD: "old.xml", NEW: str(SHIPPED), **distribution}
    facts = find_facts(both, tmp_path)
    assert facts.variable == variable
    assert facts.profile and facts.profile.path == Path(both[variable])
    assert facts.shipped_in_force is (variable == NEW)


def test_a_profile_in_the_working_folder_is_in_force(tmp_path: Path) -> None:
    pytest.importorskip("rclpy")
    assert find_facts({NEW: "unread.xml"}, tmp_path).profile is None
    own = tmp_path / "DEFAULT_FASTRTPS_PROFILES.xml"
    own.write_bytes(SHIPPED.read_bytes())
    facts = find_facts({}, tmp_path)
    assert facts.profile and facts.profile.path == own and facts.shipped_in_force


@pytest.fixture
def facts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dds_facts.DdsFacts:
    """Of a machine with Fast DDS and no profile."""
    pytest.importorskip("rclpy")
    return dataclasses.replace(find_facts({}, tmp_path), rmw="rmw_fastrtps_cpp")


def test_profiles_that_are_the_same_are_measured_once(facts: dds_facts.DdsFacts) -> None:
    assert list(environments(facts, {})) == [("in force", "default"), ("shipped",)]
    shipped = dataclasses.replace(facts, profile=dds_facts.Profile(SHIPPED), shipped_in_force=True)
    assert list(environments(shipped, {})) == [("in force", "shipped"), ("default",)]
    own = dataclasses.replace(shipped, shipped_in_force=False)
    assert list(environments(own, {})) == [("in force",), ("shipped",), ("default",)]
    transports = {"FASTDDS_BUILTIN_TRANSPORTS": "LARGE_DATA"}
    changed = environments(facts, transports)
    assert list(changed) == [("in force",), ("shipped",), ("default",)]
    assert "FASTDDS_BUILTIN_TRANSPORTS" in changed["in force",]
    assert "FASTDDS_BUILTIN_TRANSPORTS" not in changed["default",]


def test_each_environment_has_its_profile_and_no_way_out(facts: dds_facts.DdsFacts) -> None:
    inherited = {OLD: "own.xml", NEW: "own.xml", "ROS_DISCOVERY_SERVER": "robot:1", "HOME": "h"}
    own = dataclasses.replace(facts, profile=dds_facts.Profile(Path("own.xml")))
    found = environments(own, inherited)
    assert found["in force",][OLD] == "own.xml"
    assert found["shipped",][OLD] == found["shipped",][NEW] == str(facts.shipped)
    assert OLD not in found["default",] and NEW not in found["default",]
    for environment in found.values():
        assert environment["HOME"] == "h" and "ROS_DISCOVERY_SERVER" not in environment


def test_with_another_rmw_only_what_is_in_force_is_measured(facts: dds_facts.DdsFacts) -> None:
    other = dataclasses.replace(facts, rmw="rmw_cyclonedds_cpp")
    assert list(environments(other, {})) == [("in force",)]
