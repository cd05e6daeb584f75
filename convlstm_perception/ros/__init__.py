"""The ROS 2 layer: node, player, recorder. Nothing outside this folder imports ROS."""
