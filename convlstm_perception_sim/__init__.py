"""A simulator in the loop: MetaDrive renders a street, and the node sees it over DDS.

``simulate`` and what it imports run in the simulator's own environment, which has numpy and
MetaDrive and nothing of ROS; the rest runs beside the node.
"""
