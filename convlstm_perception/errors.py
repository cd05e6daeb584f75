"""The errors this package raises; each message names what, where and the mend."""

from __future__ import annotations


class PerceptionError(Exception):
    """Base of every error that this package raises on purpose."""


class ImageError(PerceptionError):
    """An image that cannot be used: its encoding, size or data is wrong."""


class CalibrationError(PerceptionError):
    """A camera's calibration that is missing or cannot be used."""


class TransformError(PerceptionError):
    """A transform between two frames that is missing, late or no rigid motion."""


class GroundError(PerceptionError):
    """Why nothing can be said in metres: no pose, or one that does not look at the ground."""


class SourceError(PerceptionError):
    """A video, image folder or dataset that is missing or cannot be read."""


class BundleError(PerceptionError):
    """A model bundle that is incomplete, corrupt or does not fit this version."""


class EngineError(PerceptionError):
    """An inference engine that cannot be loaded or run."""


class DeviceError(EngineError):
    """A device that failed; it and what was loaded on it must be opened anew."""


class CaptureError(EngineError):
    """Work of a device that cannot be recorded; it can still be done."""


class FrameOrderError(PerceptionError):
    """A frame that is not newer than the frames already seen from its camera."""


class ParameterError(PerceptionError):
    """A parameter whose value is outside its documented range."""


class WeightImportError(PerceptionError):
    """Weights of another library that do not fit the layer they are to be read into."""
