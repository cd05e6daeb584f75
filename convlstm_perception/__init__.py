"""Pedestrian detection and trajectory prediction from cameras with a ConvLSTM.

The core (``model``, ``engine``, ``stream``, ``data``, ``evaluation``) imports no
ROS; only ``convlstm_perception.ros`` does.
"""

__version__ = "0.1.0"
