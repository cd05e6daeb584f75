"""Make everything that `make demo` and `make test` need: venv, wheels, messages, environment.

Standard library only: it runs before anything is installed. Each step is skipped when what it
depends on has not changed since it last succeeded.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from fetch_browser import fetch_browser

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
WORKSPACE = ROOT / ".ros"  # build and install folders of the message packages
BIN = VENV / "bin"
STAMPS = VENV / "stamps"
REQUIREMENTS = ROOT / "requirements"
MESSAGES = {
    "tf2_msgs": ROOT / "ros2_ws" / "underlay" / "tf2_msgs",
    "vision_msgs": ROOT / "ros2_ws" / "underlay" / "vision_msgs",
    "convlstm_perception_msgs": ROOT / "ros2_ws" / "src" / "convlstm_perception_msgs",
}
TEST_MESSAGES = {
    "autoware_perception_msgs": ROOT / "tests" / "underlay" / "autoware_perception_msgs",
    "foxglove_msgs": ROOT / "tests" / "underlay" / "foxglove_msgs",
}
LOG_LINES = 30


class SetupError(Exception):
    """A step that failed, with what to do about it."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--test", action="store_true", help="also what the tests need")
    arguments = parser.parse_args()
    steps = [
        ("checking the machine", check_machine),
        ("virtual environment", create_venv),
        ("wheels", lambda: install_wheels(test=arguments.test)),
        ("paths in the wheels' CMake files", fix_cmake_paths),
        ("message packages", lambda: build_messages(test=arguments.test)),
        ("environment file", write_environment),
        ("this package", install_package),
    ]
    if arguments.test:
        steps.append(("a headless browser", lambda: fetch_browser(VENV)))
    for number, (name, step) in enumerate(steps, start=1):
        start = time.monotonic()
        print(f"[{number}/{len(steps)}] {name} ...", end="", flush=True)
        try:
            note = step()
        except SetupError as error:
            print(f" failed\n\n{error}", file=sys.stderr)
            return 1
        print(f" {note} ({time.monotonic() - start:.1f} s)")
    return 0


def ros_is_sourced() -> bool:
    """True in a shell with a ROS 2 installation of the machine's own."""
    return bool(os.environ.get("ROS_DISTRO"))


def check_machine() -> str:
    # As in find_python.sh: Humble has the Python of Ubuntu 22.04.
    fitting = ("3.10",) if os.environ.get("ROS_DISTRO") == "humble" else ("3.11", "3.12")
    if "{}.{}".format(*sys.version_info) not in fitting:
        raise SetupError(
            f"{sys.executable} is Python {sys.version.split()[0]}; ROS 2 needs "
            f"{' or '.join(fitting)} here.\n"
            f"Name one: make PYTHON=/path/to/python{fitting[-1]} ..."
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError as error:
        raise SetupError(
            f"{sys.executable} has no module {error.name}.\n"
            "Install it: sudo apt install python3-venv"
        ) from error
    if not (Path(sysconfig.get_paths()["include"]) / "Python.h").is_file():
        raise SetupError(
            f"the headers of {sys.executable} are missing (Python.h); the message packages need "
            "them.\nInstall them: sudo apt install python3-dev"
        )
    missing = [tool for tool in ("cc", "c++", "make", "cmake") if shutil.which(tool) is None]
    if missing:
        raise SetupError(
            f"not found: {', '.join(missing)}; the message packages are compiled.\n"
            "Install them: sudo apt install build-essential cmake"
        )
    source = f"ROS 2 {os.environ['ROS_DISTRO']}, sourced" if ros_is_sourced() else "ROS 2 wheels"
    return f"Python {sys.version.split()[0]}, {source}"


def create_venv() -> str:
    key = digest([sys.executable, sys.version, str(ROOT), str(ros_is_sourced())], [])
    if is_done("venv", key) and (BIN / "python").exists():
        return "ready"
    shutil.rmtree(VENV, ignore_errors=True)
    command = [sys.executable, "-m", "venv", str(VENV)]
    if ros_is_sourced():
        command.append("--system-site-packages")
    run(command, "venv", "Is the disk full, or the folder not writable?")
    mark_done("venv", key)
    return "created"


def install_wheels(*, test: bool) -> str:
    names = ["runtime", *([] if ros_is_sourced() else ["ros"])]
    if not ros_is_sourced() or shutil.which("colcon") is None:
        names.append("build")
    if test:
        names.append("test")
    files = [REQUIREMENTS / f"{name}.txt" for name in names]
    key = digest([], files)
    if is_done("wheels-test", key) or is_done("wheels", key):
        return "ready"
    command = [str(BIN / "python"), "-m", "pip", "install", "--disable-pip-version-check"]
    for file in files:
        command += ["--requirement", str(file)]
    print(" this takes a minute or two ...", end="", flush=True)
    run(command, "pip", "Is the package index reachable? Run the same make command again.")
    mark_done("wheels-test" if test else "wheels", key)
    if test:  # the runtime's wheels are among them
        mark_done("wheels", digest([], [file for file in files if file.stem != "test"]))
    return f"installed {', '.join(names)}"


def fix_cmake_paths() -> str:
    """The wheels' CMake files name folders of the machine that built them."""
    if ros_is_sourced():
        return "not needed"
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    foreign = f"/opt/python/{tag}-{tag}"
    numpy_include = output([str(BIN / "python"), "-c", "import numpy; print(numpy.get_include())"])
    replacements = {
        f"{foreign}/include/{python}": sysconfig.get_paths()["include"],
        f"{foreign}/lib/{python}/site-packages/numpy/_core/include": numpy_include,
        foreign: str(VENV),
    }
    count = 0
    for path in (VENV / "share").rglob("*.cmake"):
        text = path.read_text()
        if foreign in text:
            for old, new in replacements.items():
                text = text.replace(old, new)
            path.write_text(text)
            count += 1
    return f"{count} files" if count else "ready"


def build_messages(*, test: bool) -> str:
    def missing(packages: dict[str, Path]) -> dict[str, Path]:
        found = ros_is_sourced()
        return {name: path for name, path in packages.items() if not (found and provided(name))}

    def key(packages: dict[str, Path]) -> str:
        sources = [path for folder in packages.values() for path in sorted(folder.rglob("*"))]
        return digest([sys.version, *packages, (STAMPS / "wheels").read_text()], sources)

    needed, whole = missing(MESSAGES), missing(MESSAGES | TEST_MESSAGES)
    wanted = whole if test else needed
    if (WORKSPACE / "install").is_dir() or not wanted:
        # What the tests need holds what the node needs.
        if is_done("messages-test", key(whole)) or (not test and is_done("messages", key(needed))):
            return "ready"
        if not wanted:
            return "provided by ROS"
    shutil.rmtree(WORKSPACE, ignore_errors=True)
    WORKSPACE.mkdir()
    environment = dict(os.environ)
    environment["PATH"] = f"{BIN}:{environment['PATH']}"
    environment.pop("PYTHONPATH", None) if not ros_is_sourced() else None
    if not ros_is_sourced():
        environment |= {
            "AMENT_PREFIX_PATH": str(VENV),
            "CMAKE_PREFIX_PATH": str(VENV),
            "LD_LIBRARY_PATH": str(VENV / "lib"),
        }
    colcon = str(BIN / "colcon") if (BIN / "colcon").exists() else "colcon"
    command = [colcon, "--log-base", str(WORKSPACE / "log"), "build", "--merge-install"]
    command += ["--base-paths", *map(str, wanted.values())]
    command += ["--build-base", str(WORKSPACE / "build")]
    command += ["--install-base", str(WORKSPACE / "install")]
    command += ["--cmake-args", f"-DPython3_EXECUTABLE={BIN / 'python'}", "-DBUILD_TESTING=OFF"]
    print(f" building {', '.join(wanted)}, about a minute ...", end="", flush=True)
    run(command, "colcon", f"Details: {WORKSPACE / 'log'}", environment)
    (STAMPS / "messages-test").unlink(missing_ok=True)
    mark_done("messages-test" if test else "messages", key(wanted))
    return "built"


def write_environment() -> str:
    """A file for the shell that makes ROS, the messages and this package visible."""
    install = WORKSPACE / "install"
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    lines = [
        "# Written by tools/setup_environment.py. Use: . .venv/ros_env.sh",
        f'export PATH="{BIN}:$PATH"',
    ]
    if ros_is_sourced():
        lines += [f'[ -f "{install}/local_setup.sh" ] && . "{install}/local_setup.sh"']
    else:
        lines += [
            f'export AMENT_PREFIX_PATH="{install}:{VENV}"',
            f'export LD_LIBRARY_PATH="{install}/lib:{VENV}/lib"',
            f'export PYTHONPATH="{install}/lib/{python}/site-packages"',
        ]
    profile = ROOT / "config" / "fastdds.xml"
    lines += [
        'export ROS_AUTOMATIC_DISCOVERY_RANGE="${ROS_AUTOMATIC_DISCOVERY_RANGE:-LOCALHOST}"',
        f'export FASTDDS_DEFAULT_PROFILES_FILE="{profile}"',
        f'export FASTRTPS_DEFAULT_PROFILES_FILE="{profile}"',
    ]
    (VENV / "ros_env.sh").write_text("\n".join(lines) + "\n")
    return ".venv/ros_env.sh"


def install_package() -> str:
    key = digest([], [ROOT / "pyproject.toml"])
    if is_done("package", key):
        return "ready"
    command = [str(BIN / "python"), "-m", "pip", "install", "--disable-pip-version-check"]
    command += ["--no-deps", "--no-build-isolation", "--editable", str(ROOT)]
    run(command, "package", "See the lines above.")
    mark_done("package", key)
    return "installed, editable"


def provided(name: str) -> bool:
    """True when the sourced ROS 2 installation has a package of this name."""
    prefixes = os.environ.get("AMENT_PREFIX_PATH", "").split(":")
    marker = Path("share") / "ament_index" / "resource_index" / "packages" / name
    return any((Path(prefix) / marker).exists() for prefix in prefixes if prefix)


def run(
    command: Sequence[str], log_name: str, mend: str, environment: dict[str, str] | None = None
) -> None:
    """Run a command with its output in a log; on failure show the log's end and the mend."""
    logs = ROOT / "out" / "setup"
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / f"{log_name}.log"
    with log.open("w") as stream:
        code = subprocess.call(
            command, stdout=stream, stderr=subprocess.STDOUT, env=environment, cwd=ROOT
        )
    if code:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-LOG_LINES:])
        raise SetupError(f"{tail}\n\nFailed: {' '.join(command)}\nWhole log: {log}\n{mend}")


def output(command: Sequence[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def digest(texts: Iterable[str], files: Iterable[Path]) -> str:
    """One hash of texts and of files' contents."""
    total = hashlib.sha256()
    for text in texts:
        total.update(text.encode() + b"\0")
    for file in files:
        if file.is_file():
            total.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return total.hexdigest()


def is_done(step: str, key: str) -> bool:
    stamp = STAMPS / step
    return stamp.is_file() and stamp.read_text() == key


def mark_done(step: str, key: str) -> None:
    STAMPS.mkdir(parents=True, exist_ok=True)
    (STAMPS / step).write_text(key)


if __name__ == "__main__":
    sys.exit(main())
