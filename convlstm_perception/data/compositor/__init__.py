"""Training clips composed from photographs: real people walk over real backgrounds."""

from convlstm_perception.data.compositor.clip import Clip, ClipLabels
from convlstm_perception.data.compositor.compositor import ClipCompositor

__all__ = ["Clip", "ClipCompositor", "ClipLabels"]
