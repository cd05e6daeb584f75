"""The files of docker/, as far as they can be checked without an engine."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
DOCKERFILES = sorted(DOCKER.glob("Dockerfile*"))
SERVICES: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]
NODES = ("node", "node-nvidia", "node-jetson")
PIN = re.compile(r'"([\w-]+)==([\w.]+)"')


def run_tool(name: str, *arguments: str) -> None:
    """Run a linter that has no findings; skip where it is not installed."""
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"{name} is not installed")
    done = subprocess.run([program, *arguments], cwd=DOCKER, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_the_linter_of_dockerfiles_finds_nothing(path: Path) -> None:
    run_tool("hadolint", "--config", ".hadolint.yaml", path.name)


def test_compose_is_valid_by_its_specification() -> None:
    run_tool(
        "check-jsonschema", "--builtin-schema", "vendor.compose-spec", "--no-cache", "compose.yaml"
    )


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_is_confined(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["user"].startswith("${UID:-1000}")
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert any(entry.startswith("/tmp:") for entry in service["tmpfs"])
    assert not service.get("privileged")


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_shares_memory_with_the_host_and_comes_back(name: str) -> None:
    service = SERVICES[name]
    assert (service["ipc"], service["network_mode"]) == ("host", "host")
    assert service["restart"] == "unless-stopped"
    assert service["logging"]["options"]["max-size"]


@pytest.mark.parametrize("name", NODES)
def test_nodes_keep_their_data_and_tell_their_health(name: str) -> None:
    service = SERVICES[name]
    assert service["volumes"] == ["data:/data"]
    assert service["healthcheck"]["test"] == ["CMD", "/entrypoint.sh", "/healthcheck.py"]
    assert len(service["profiles"]) == 1


def test_gpus_are_given_to_those_that_need_them() -> None:
    (device,) = SERVICES["node-nvidia"]["deploy"]["resources"]["reservations"]["devices"]
    assert device["driver"] == "nvidia" and device["capabilities"] == ["gpu"]
    assert SERVICES["node-nvidia"]["build"]["args"]["ENGINE"] == "nvidia"
    assert SERVICES["node-jetson"]["runtime"] == "nvidia"
    assert SERVICES["node-jetson"]["build"]["dockerfile"] == "docker/Dockerfile.jetson"
    assert "deploy" not in SERVICES["node"] and "runtime" not in SERVICES["node"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_build_names_a_dockerfile_and_a_stage_of_it(name: str) -> None:
    build = SERVICES[name]["build"]
    text = (DOCKER / build["context"] / build["dockerfile"]).read_text()
    assert re.search(rf"^FROM \S+ AS {build['target']}$", text, re.MULTILINE)


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_the_last_stage_is_the_node_run_by_a_user_and_checked(path: Path) -> None:
    stage = path.read_text().rpartition("\nFROM ")[2]
    assert stage.split("\n")[0].endswith(" AS node")
    assert "\nUSER ${UID}\n" in stage and "\nHEALTHCHECK " in stage


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_python_packages_are_those_that_the_tests_run_with(path: Path) -> None:
    tested = (ROOT / "requirements" / "runtime.txt").read_text().splitlines()
    tested += (ROOT / "requirements" / "test.txt").read_text().splitlines()
    tested = [line.partition(";")[0] for line in tested]  # without markers of Python's version
    pins = [f"{name}=={version}" for name, version in PIN.findall(path.read_text())]
    assert len(pins) >= 4
    assert set(pins) <= set(tested)


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_base_images_are_pinned_by_the_distribution_at_least(path: Path) -> None:
    images = re.findall(r"^ARG \w+_IMAGE=(\S+)$", path.read_text(), re.MULTILINE)
    assert images
    for image in images:
        assert re.fullmatch(r"ros:jazzy-ros-(core|base)-noble(@sha256:[0-9a-f]{64})?", image)


def test_the_files_that_are_copied_are_there_and_can_be_run() -> None:
    for path in DOCKERFILES:
        for name in re.findall(r"docker/\S+\.(?:sh|py)", path.read_text()):
            assert (ROOT / name).stat().st_mode & 0o111, name
