"""ConvLSTM weights trained with other libraries, as layers of ours that give the same answers.

Their gate orders, shapes and what has no counterpart are in docs/convlstm.md.
"""

from convlstm_perception.model.weight_import.automan000 import from_automan000
from convlstm_perception.model.weight_import.keras import from_keras
from convlstm_perception.model.weight_import.ndrplz import from_ndrplz
from convlstm_perception.model.weight_import.openstl import from_openstl, openstl_readout

__all__ = ["from_automan000", "from_keras", "from_ndrplz", "from_openstl", "openstl_readout"]
