"""The face that colcon sees; everything it installs lives at the repository's root."""

from pathlib import Path

from setuptools import find_packages, setup

NAME = "convlstm_perception"


def shared(folder: str) -> list[tuple[str, list[str]]]:
    """Every file below a folder, to be installed under share/ with the same layout."""
    files: dict[str, list[str]] = {}
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            files.setdefault(f"share/{NAME}/{path.parent}", []).append(str(path))
    return list(files.items())


setup(
    name=NAME,
    version="0.1.0",
    packages=find_packages(include=[NAME, f"{NAME}.*"]),
    package_data={NAME: ["py.typed", "visualization/assets/*"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
        *shared("launch"),
        *shared("config"),
        *shared("models"),
    ],
    install_requires=["setuptools"],
    extras_require={"test": ["pytest"]},
    zip_safe=True,
    maintainer="convlstm_perception maintainers",
    maintainer_email="dev@example.com",
    description="Pedestrian detection and trajectory prediction from cameras with a ConvLSTM",
    license="Apache-2.0",
    entry_points={
        "console_scripts": [
            "convlstm-perception = convlstm_perception.cli.main:main",
            "convlstm_perception_node = convlstm_perception.ros.node:main",
        ],
    },
)
