"""The face that colcon sees; the modules live at the repository's root."""

from setuptools import setup

NAME = "convlstm_perception_sim"

setup(
    name=NAME,
    version="0.1.0",
    packages=[NAME],
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml", "requirements.txt"]),
    ],
    install_requires=["setuptools"],
    zip_safe=True,
    maintainer="convlstm_perception maintainers",
    maintainer_email="dev@example.com",
    description="A simulated street in front of convlstm_perception, with its truth",
    license="Apache-2.0",
    entry_points={"console_scripts": [f"bridge = {NAME}.bridge:main"]},
)
