"""MetaDrive's street with its car, camera and people, rendered without a screen.

Li et al. 2022, "MetaDrive: Composing Diverse Driving Scenarios for Generalizable Reinforcement
Learning". What costs time on a processor without a GPU and shows nothing here is turned off:
multisampling, terrain, the window's own camera. There are no shadows: by EGL none come out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from metadrive.engine.core import our_pbr
from metadrive.envs.metadrive_env import MetaDriveEnv
from numpy.typing import NDArray
from panda3d.core import CardMaker, LQuaternionf, NodePath, loadPrcFileData

from convlstm_perception_sim.body import Body
from convlstm_perception_sim.camera import StreetCamera
from convlstm_perception_sim.crowd import Crowd
from convlstm_perception_sim.scene import (
    LANE_WIDTH,
    Look,
    car_things,
    ground_height,
    wanted_speed,
)
from convlstm_perception_sim.snapshot import Person, Pose, Snapshot

STEP = 0.1  # seconds of simulated time from image to image
_PHYSICS_STEP = 0.02  # seconds; what the simulator's vehicles are made for
_SETTLING = 20  # steps until the car stands still on its springs
_CREEPING = 0.2  # m/s
_THROTTLE = 0.5  # for each m/s that the car is too slow
_GRASS = (0.10, 0.14, 0.06, 1.0)
_BELOW = -0.05  # metres; the grass must not shine through the street

# From panda's axes of a car or a camera (x right, y ahead, z up) to base_link's, REP-103.
_TO_BASE = LQuaternionf(math.sqrt(0.5), 0.0, 0.0, math.sqrt(0.5))  # w, x, y, z: 90 degrees about z
# Of panda's camera to the optical frame: x right, y down, z ahead.
_TO_OPTICAL = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]]).T


# EGL needs no X server, and is quicker here than GLX on a virtual one.
loadPrcFileData("", "load-display p3headlessgl")


@dataclass
class _Walker:
    body: Body
    heading: float


class Street:
    """The simulation; only one can be in a process.

    Args:
        camera: on the car.
        crowd: where people are.
        looks: of the people, as many.
        seed: of the map.
    """

    def __init__(self, camera: StreetCamera, crowd: Crowd, looks: list[Look], seed: int) -> None:
        self._camera, self._crowd = camera, crowd
        self._time_ns = 0
        _render_without_multisampling()
        self._environment = MetaDriveEnv(_configuration(camera, seed))
        self._environment.lazy_init()
        self._engine = self._environment.engine
        self._engine.win.setActive(False)
        # Images are rendered when all is in its place, not by a task that runs when it likes.
        self._engine.taskMgr.remove("igLoop")
        self._environment.reset(force_seed=seed)
        self._engine.world_light.direction_np.node().setShadowCaster(False)
        self._car: Any = self._environment.vehicle
        self._sensor: Any = self._car.image_sensors["rgb_camera"]
        for _ in range(_SETTLING):
            self._drive(0.0)
        self._base = self._place_base()
        self._mount_camera()
        self._lay_grass()
        self._walkers = self._people(looks)

    def _place_base(self) -> NodePath:
        """Fixed to the car, level on the ground below it as it stands on its springs."""
        base: NodePath = self._car.origin.attachNewNode("base_link")
        x, y, _ = self._car.origin.getPos()
        base.setPos(self._engine.render, x, y, 0.0)
        base.setHpr(self._engine.render, self._car.origin.getH(), 0.0, 0.0)
        return base

    def _mount_camera(self) -> None:
        for child in self._car.origin.getChildren():
            child.hide(type(self._sensor).CAM_MASK)
        self._sensor.origin.reparentTo(self._base)
        self._eye: NodePath = self._sensor.get_cam()
        self._eye.setPos(0.0, self._camera.forward, self._camera.up)
        self._eye.setHpr(0.0, -math.degrees(self._camera.pitch), 0.0)
        lens = self._sensor.get_lens()
        lens.setFov(self._camera.field_of_view, self._camera.vertical_field_of_view)

    def _lay_grass(self) -> None:
        maker = CardMaker("grass")
        maker.setFrame(-300.0, 500.0, -400.0, 400.0)
        card = self._engine.render.attachNewNode(maker.generate())
        card.setP(-90.0)
        card.setZ(_BELOW)
        card.setColor(*_GRASS)

    def _people(self, looks: list[Look]) -> list[_Walker]:
        walkers: list[_Walker] = []
        for number, look in enumerate(looks):
            model = walkers[0].body if walkers else None
            body = Body(self._engine.pbr_worldNP, look, number / len(looks), model)
            u, v = self._crowd.velocities[number]
            walkers.append(_Walker(body, math.atan2(v, u)))
        return walkers

    def advance(self) -> None:
        """Let ``STEP`` seconds pass: the car drives, people walk."""
        x, y, _ = self._car.origin.getPos()
        self._drive(wanted_speed(x, y, self._crowd.positions, self._crowd.velocities))
        self._crowd.advance(STEP, car_things(x, y))

    def _drive(self, speed: float) -> None:
        lacking = speed - math.hypot(*self._car.velocity)
        pedal = float(np.clip(_THROTTLE * lacking, -1.0, 1.0)) if speed else -1.0
        if speed == 0.0 and lacking > -_CREEPING:
            # The brake alone lets the car creep backwards on its springs.
            self._car.set_velocity([0.0, 0.0])
        self._engine.before_step({agent: [0.0, pedal] for agent in self._environment.vehicles})
        self._engine.step(round(STEP / _PHYSICS_STEP))
        self._engine.after_step()
        self._time_ns += round(STEP * 1e9)

    def look(self) -> tuple[Snapshot, NDArray[np.uint8]]:
        """The present moment, and what the camera sees of it: (height, width, 3), B, G, R."""
        people = [self._stand(number) for number in range(len(self._walkers))]
        self._engine.world_light.step(self._car.origin.getPos())
        self._engine.graphicsEngine.renderFrame()
        shot = self._sensor.buffer.getDisplayRegion(1).getScreenshot()
        pixels = np.frombuffer(shot.getRamImage().getData(), np.uint8)
        pixels = pixels.reshape(shot.getYSize(), shot.getXSize(), 4)
        return Snapshot(self._time_ns, self._ego(), people), pixels[::-1, :, :3]

    def _stand(self, number: int) -> Person:
        walker = self._walkers[number]
        (x, y), (u, v) = self._crowd.positions[number], self._crowd.velocities[number]
        speed = math.hypot(u, v)
        if speed > 0.2:  # slower, the direction is chance
            walker.heading = math.atan2(v, u)
        z = ground_height(float(y))
        walker.body.place(float(x), float(y), z, walker.heading, speed * STEP)
        seen = walker.body.vertices(self._eye) @ _TO_OPTICAL
        return Person(
            id=number + 1,
            box=self._camera.box(seen),
            position=(float(x), float(y), z),
            velocity=(float(u), float(v)),
            height=walker.body.height,
        )

    def _ego(self) -> Pose:
        x, y, z = self._base.getPos(self._engine.render)
        # Panda applies the left factor first: base_link's axes, then the car's.
        w, i, j, k = _TO_BASE * self._base.getQuat(self._engine.render)
        return Pose((x, y, z), (i, j, k, w))


def _render_without_multisampling() -> None:
    """To be called before the engine is made: EGL refuses the 16 samples that it asks for."""
    original = our_pbr.OurPipeline._setup_tonemapping

    def set_up(pipeline: Any) -> None:
        # Not by assignment, which would set everything up once more.
        object.__setattr__(pipeline, "msaa_samples", 0)
        original(pipeline)

    our_pbr.OurPipeline._setup_tonemapping = set_up


def _configuration(camera: StreetCamera, seed: int) -> dict[str, Any]:
    return {
        "start_seed": seed,
        "environment_num": 1,
        "map_config": {
            "type": "block_sequence",
            "config": "SSS",
            "lane_num": 1,
            "lane_width": LANE_WIDTH,
        },
        "traffic_density": 0.0,
        "random_spawn_lane_index": False,
        "use_render": False,
        "image_observation": True,
        "rgb_clip": False,
        "show_terrain": False,
        "show_interface": False,
        "show_logo": False,
        "show_fps": False,
        "multi_thread_render": False,  # its images are one step old
        "physics_world_step_size": _PHYSICS_STEP,
        "vehicle_config": {
            "rgb_camera": (camera.width, camera.height),
            "image_source": "rgb_camera",
            "show_navi_mark": False,
        },
    }
