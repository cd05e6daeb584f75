"""Moved to :mod:`convlstm_perception.data.readers.pets`."""

from convlstm_perception.data.readers.pets import FRAME_RATE as FRAME_RATE
from convlstm_perception.data.readers.pets import read_pets_xml as read_pets_xml
