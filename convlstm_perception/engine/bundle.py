"""Model bundles: a folder with two to four ONNX graphs and ``model.toml``."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convlstm_perception.errors import BundleError
from convlstm_perception.shipped import find_shipped
from convlstm_perception.toml import tomllib

MANIFEST = "model.toml"
FORMAT = 1
_DEFAULT_NAME = "pedestrian-motion"
_FILES = ("encoder.onnx", "motion.onnx")
_STEP = "step.onnx"
_TRACKS = "tracks.onnx"


@dataclass(frozen=True)
class ModelBundle:
    """A verified bundle.

    Attributes:
        folder: where it is.
        name, version: of the model.
        input_height, input_width: pixels of the encoder's input.
        step: seconds between the slots of the window.
        slots: T, the number of slots.
        candidates: K, the number of peaks that the motion graph answers.
        horizons: future times in seconds, increasing.
        classes: names of what is detected.
        detection_threshold: score from which a detection counts as certain.
        low_threshold: score from which a detection may continue a track.
        track_step: seconds between the slots of the track decoder; 0 when there is none, and
            tracks are then predicted at constant velocity.
        network_scale, track_scale: what the Laplace scales of the motion graph and of the track
            decoder are multiplied by, so that their regions hold what they say: found on
            validation data.
        stateful: whether there is a graph of one step, for a state that is carried on.
    """

    folder: Path
    name: str
    version: str
    input_height: int
    input_width: int
    step: float
    slots: int
    candidates: int
    horizons: tuple[float, ...]
    classes: tuple[str, ...]
    detection_threshold: float
    low_threshold: float
    track_step: float = 0.0
    network_scale: float = 1.0
    track_scale: float = 1.0
    stateful: bool = False

    @property
    def model_id(self) -> str:
        """Name and version."""
        return f"{self.name}-{self.version}"

    @property
    def encoder_path(self) -> Path:
        """The encoder's graph."""
        return self.folder / _FILES[0]

    @property
    def motion_path(self) -> Path:
        """The motion graph."""
        return self.folder / _FILES[1]

    @property
    def step_path(self) -> Path | None:
        """The graph of one step with the state given, where the bundle has one."""
        return self.folder / _STEP if self.stateful else None

    @property
    def tracks_path(self) -> Path | None:
        """The track decoder's graph, where the bundle has one."""
        return self.folder / _TRACKS if self.track_step else None

    @classmethod
    def load(cls, folder: Path | str) -> ModelBundle:
        """Read and verify a bundle.

        Raises:
            BundleError: when something is missing, malformed, or differs from its sha256.
        """
        folder = Path(folder)
        path = folder / MANIFEST
        try:
            manifest = tomllib.loads(path.read_text())
        except FileNotFoundError as error:
            raise BundleError(
                f"{path}: no such file; give the folder of a model bundle (it holds {MANIFEST})"
            ) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BundleError(f"{path}: not valid TOML: {error}") from error
        if manifest.get("format") != FORMAT:
            raise BundleError(
                f"{path}: format {manifest.get('format')!r}; this version reads format {FORMAT}. "
                "Export the model again, or install the version that wrote it."
            )
        try:
            bundle = cls(
                folder=folder,
                name=str(manifest["name"]),
                version=str(manifest["version"]),
                input_height=int(manifest["input"]["height"]),
                input_width=int(manifest["input"]["width"]),
                step=float(manifest["window"]["step"]),
                slots=int(manifest["window"]["slots"]),
                candidates=int(manifest["output"]["candidates"]),
                horizons=tuple(float(value) for value in manifest["output"]["horizons"]),
                classes=tuple(str(value) for value in manifest["output"]["classes"]),
                detection_threshold=float(manifest["thresholds"]["detection"]),
                low_threshold=float(manifest["thresholds"]["low"]),
                track_step=float(manifest.get("tracks", {}).get("step", 0.0)),
                network_scale=float(manifest.get("calibration", {}).get("network", 1.0)),
                track_scale=float(manifest.get("calibration", {}).get("tracks", 1.0)),
                stateful=_STEP in manifest["files"],
            )
            names = [*_FILES, *([_STEP] if bundle.stateful else [])]
            names += [_TRACKS] if bundle.track_step else []
            hashes = {name: str(manifest["files"][name]) for name in names}
        except KeyError as error:
            raise BundleError(f"{path}: key {error} is missing. Export the model again.") from error
        except (TypeError, ValueError) as error:
            raise BundleError(f"{path}: {error}. Export the model again.") from error
        for name, expected in hashes.items():
            _verify(folder / name, expected)
        return bundle


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> Path:
    """Write ``model.toml`` beside the graphs, with their sha256 under ``files``.

    A track decoder is among them when ``manifest`` has a table ``tracks``, the graph of one step
    where it lies in the folder. ``manifest`` maps keys to scalars or lists, and tables to such
    maps, as in ``model.toml``.

    Raises:
        BundleError: when a graph is missing.
    """
    names = [*_FILES, *([_STEP] if (folder / _STEP).exists() else [])]
    names += [_TRACKS] if "tracks" in manifest else []
    files = {name: _sha256(folder / name) for name in names}
    complete = {"format": FORMAT, **manifest, "files": files}
    lines = [f"{key} = {_toml(value)}" for key, value in complete.items() if not _is_table(value)]
    for table, values in complete.items():
        if _is_table(values):
            lines += ["", f"[{table}]"]
            lines += [f'"{key}" = {_toml(value)}' for key, value in values.items()]
    path = folder / MANIFEST
    path.write_text("\n".join(lines) + "\n")
    return path


def default_bundle_path() -> Path:
    """The shipped bundle: beside the package in a checkout, or in an installed ``share``.

    Raises:
        BundleError: when it is in none of the places; they are named.
    """
    relative = Path("models") / _DEFAULT_NAME
    return find_shipped(relative, "name one with --bundle or the parameter 'bundle'")


def _verify(path: Path, expected: str) -> None:
    actual = _sha256(path)
    if actual != expected:
        raise BundleError(
            f"{path}: sha256 is {actual[:12]}..., but {MANIFEST} says {expected[:12]}...; the file "
            "was changed or only partly copied. Copy the bundle again, or export it again."
        )


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise BundleError(
            f"{path}: cannot be read ({error.strerror}); copy the bundle again"
        ) from error


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_toml(item) for item in value)}]"
    raise TypeError(f"cannot write {type(value).__name__} to {MANIFEST}")
