"""Make the simulator's environment in .sim: a virtual environment, and OpenGL without a screen.

Standard library only. The simulator has an environment of its own, for it needs an older numpy than
ROS. Where the machine's OpenGL cannot draw without a screen, Mesa's packages are installed by root,
and for others unpacked below .sim.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from debian_packages import PackageError, check_tools, install, unpack
from setup_environment import ROOT, SetupError, digest, run

FOLDER = ROOT / ".sim"
VENV = FOLDER / "venv"
INTERPRETER = FOLDER / "python"  # what runs the simulator: the environment's with its libraries
SYSTEM = FOLDER / "system"
REQUIREMENTS = ROOT / "ros2_ws" / "src" / "convlstm_perception_sim" / "requirements.txt"
STAMP = VENV / "installed"
PACKAGES = ("libegl1", "libgl1", "libgl1-mesa-dri")
FOLDERS = {"LIBGL_DRIVERS_PATH": "dri", "__EGL_VENDOR_LIBRARY_DIRS": "egl_vendor.d"}
"""Variables of Mesa that name folders of those packages."""
_DRAWS = (
    "from panda3d.core import loadPrcFileData; "
    "loadPrcFileData('', 'load-display p3headlessgl'); "
    "from direct.showbase.ShowBase import ShowBase; "
    "ShowBase(windowType='offscreen')"
)


def main() -> int:
    """Set up what is missing; tell what failed and what to do about it."""
    try:
        print("simulator: wheels ...", end="", flush=True)
        print(f" {install_wheels()}")
        print("simulator: OpenGL without a screen ...", end="", flush=True)
        print(f" {provide_opengl()}")
    except (SetupError, PackageError) as error:
        print(f" failed\n\n{error}", file=sys.stderr)
        return 1
    return 0


def install_wheels() -> str:
    """MetaDrive and what it needs, in a virtual environment of CPython 3.11."""
    python = find_python()
    key = digest([python], [REQUIREMENTS])
    if STAMP.is_file() and STAMP.read_text() == key:
        return "ready"
    INTERPRETER.unlink(missing_ok=True)  # nothing may run on half of an environment
    shutil.rmtree(VENV, ignore_errors=True)
    run([python, "-m", "venv", str(VENV)], "sim_venv", "Is python3-venv installed?")
    print(" about 400 MB, a minute or two ...", end="", flush=True)
    command = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check"]
    run(
        [*command, "--requirement", str(REQUIREMENTS)],
        "sim_pip",
        "Is the package index reachable? Run the same make command again.",
    )
    STAMP.write_text(key)
    return "installed"


def find_python() -> str:
    """A CPython 3.11: MetaDrive's wheel refuses newer ones."""
    check = "import sys; sys.exit(sys.version_info[:2] != (3, 11)); "
    names = (os.environ.get("SIM_PYTHON", ""), sys._base_executable, "python3.11")
    for name in filter(None, names):
        path = shutil.which(name)
        if path and subprocess.run([path, "-c", check], check=False).returncode == 0:
            return path
    raise SetupError(
        "MetaDrive runs on CPython 3.11, which is not here.\n"
        "Name one: make SIM_PYTHON=/path/to/python3.11 sim-demo"
    )


def provide_opengl() -> str:
    """Have the simulator's interpreter draw without a screen."""
    if INTERPRETER.is_file() and draws():
        return "ready"
    write_interpreter({})
    if draws():
        return "the machine's"
    check_tools()
    print(f" fetching {', '.join(PACKAGES)} ...", end="", flush=True)
    if os.geteuid() == 0:
        install(PACKAGES)
        how = "installed"
    else:
        variables = {"LD_LIBRARY_PATH": unpack(PACKAGES, SYSTEM)}
        # Only what the machine lacks has been unpacked.
        for variable, name in FOLDERS.items():
            if folder := next(SYSTEM.rglob(name), None):
                variables[variable] = str(folder)
        write_interpreter(variables)
        how = "unpacked"
    if not draws():
        raise SetupError(
            f'OpenGL still does not draw without a screen. Look why:\n{INTERPRETER} -c "{_DRAWS}"'
        )
    return how


def write_interpreter(variables: dict[str, str]) -> None:
    """A program that runs the environment's Python with some variables set."""
    lines = [f'export {name}="{value}"' for name, value in variables.items()]
    lines.append(f'exec "{VENV / "bin" / "python"}" "$@"')
    INTERPRETER.write_text(
        "#!/bin/sh\n# Written by tools/setup_simulator.py.\n" + "\n".join(lines) + "\n"
    )
    INTERPRETER.chmod(0o755)


def draws() -> bool:
    """True when the simulator's interpreter can make something to draw into."""
    # Libraries of the ROS wheels are not meant for it.
    environment = {k: v for k, v in os.environ.items() if k not in ("LD_LIBRARY_PATH", "DISPLAY")}
    command = [str(INTERPRETER), "-c", _DRAWS]
    quiet = subprocess.DEVNULL
    done = subprocess.run(command, env=environment, stdout=quiet, stderr=quiet, check=False)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
