"""One version, true links, and files where users will look for them."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

import convlstm_perception
from convlstm_perception.toml import tomllib

ROOT = Path(__file__).resolve().parents[2]
FACE = ROOT / "ros2_ws" / "src" / "convlstm_perception"
SIMULATOR = ROOT / "ros2_ws" / "src" / "convlstm_perception_sim"
MESSAGES = ROOT / "ros2_ws" / "src" / "convlstm_perception_msgs"


@pytest.mark.parametrize("folder", [FACE, MESSAGES, SIMULATOR])
def test_package_xml_has_the_version(folder: Path) -> None:
    version = ElementTree.parse(folder / "package.xml").getroot().findtext("version")
    assert version == convlstm_perception.__version__


def test_setup_and_changelog_have_the_version() -> None:
    for face in (FACE, SIMULATOR):
        setup = (face / "setup.py").read_text()
        assert f'version="{convlstm_perception.__version__}"' in setup
    first = re.search(r"^(\d+\.\d+\.\d+) ", (ROOT / "CHANGELOG.rst").read_text(), re.MULTILINE)
    assert first and first[1] == convlstm_perception.__version__


@pytest.mark.parametrize(
    ("face", "name"),
    [
        *((FACE, name) for name in ("convlstm_perception", "launch", "config", "models", "tests")),
        (SIMULATOR, "convlstm_perception_sim"),
    ],
)
def test_the_colcon_packages_hold_relative_links_to_the_root(face: Path, name: str) -> None:
    link = face / name
    assert link.is_symlink() and not link.readlink().is_absolute()
    assert link.resolve() == ROOT / name


@pytest.mark.parametrize("name", ["package.xml", "setup.py", "setup.cfg"])
def test_the_root_is_no_ros_package(name: str) -> None:
    """With one of these at the root, colcon stops there and never sees the messages."""
    assert not (ROOT / name).exists()


def test_every_file_of_config_is_installed_by_pip_in_its_place() -> None:
    """colcon takes the whole folder; pip only what is listed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    installed = {
        f"{folder.removeprefix('share/convlstm_perception/')}/{path.name}"
        for folder, patterns in project["tool"]["setuptools"]["data-files"].items()
        for pattern in patterns
        for path in ROOT.glob(pattern)
        if path.is_file()
    }
    config = {
        str(path.relative_to(ROOT)) for path in (ROOT / "config").rglob("*") if path.is_file()
    }
    assert config <= installed, config - installed


def test_the_core_imports_no_ros() -> None:
    ros = {"rclpy", "sensor_msgs", "vision_msgs", "std_msgs", "convlstm_perception_msgs"}
    ros |= {"geometry_msgs", "visualization_msgs", "autoware_perception_msgs", "foxglove_msgs"}
    for path in (ROOT / "convlstm_perception").rglob("*.py"):
        if "ros" in path.relative_to(ROOT).parts:
            continue
        for node in ast.parse(path.read_text()).body:  # at import, not inside a function
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            found = {name.split(".")[0] for name in names} & ros
            assert not found, f"{path} imports {found}"


@pytest.mark.parametrize("folder", [ROOT, FACE])
def test_both_ways_to_install_bring_the_files_that_are_no_modules(
    folder: Path, tmp_path: Path
) -> None:
    source = ROOT / "convlstm_perception"
    expected = {
        path.relative_to(source)
        for path in source.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    assert Path("visualization/assets/report.js") in expected
    script = "import setuptools; setuptools.setup()" if folder == ROOT else "import setup"
    build = ["egg_info", "--egg-base", str(tmp_path), "build_py", "--build-lib", str(tmp_path)]
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, '.'); {script}", *build]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
    installed = tmp_path / "convlstm_perception"
    assert {path for path in expected if not (installed / path).is_file()} == set()
