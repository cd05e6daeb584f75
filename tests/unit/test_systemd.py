"""The systemd unit, by systemd's own check and by what the deployment guide promises of it."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "config" / "systemd"
UNIT = FOLDER / "convlstm-perception.service"
ENVIRONMENT = FOLDER / "convlstm-perception.env"


@pytest.fixture(scope="module")
def service() -> dict[str, list[str]]:
    """The section [Service]: every value of each key."""
    section = UNIT.read_text().partition("[Service]")[2].partition("[Install]")[0]
    values: dict[str, list[str]] = {}
    for line in section.splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            values.setdefault(key, []).append(value)
    return values


def test_systemd_finds_nothing_to_say() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    done = subprocess.run(["systemd-analyze", "verify", str(UNIT)], capture_output=True, text=True)
    said = [line for line in done.stderr.splitlines() if UNIT.name in line]
    assert done.returncode == 0 and not said, done.stderr


def test_it_comes_back_and_ends_in_order(service: dict[str, list[str]]) -> None:
    assert service["Restart"] == ["always"]
    assert service["KillSignal"] == ["SIGINT"]
    assert "StartLimitIntervalSec=0" in UNIT.read_text().partition("[Service]")[0]
    assert "exec ros2 launch convlstm_perception perception.launch.py" in service["ExecStart"][0]


def test_it_is_no_root_and_keeps_shared_memory_and_devices(
    service: dict[str, list[str]],
) -> None:
    assert service["User"] != ["root"]
    assert service["NoNewPrivileges"] == ["yes"] and service["ProtectSystem"] == ["strict"]
    # With these images would not arrive, and no GPU would be found.
    assert not service.keys() & {"PrivateIPC", "PrivateDevices", "MemoryDenyWriteExecute"}


def test_every_variable_is_in_the_environment_file(service: dict[str, list[str]]) -> None:
    parser = configparser.ConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string("[all]\n" + ENVIRONMENT.read_text())
    used = set(re.findall(r"\$\{(\w+)\}", service["ExecStart"][0]))
    assert used == {"ROS_DISTRO", "WORKSPACE", "ARGUMENTS"}
    assert used <= parser["all"].keys()
