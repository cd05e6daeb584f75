"""Training of PedestrianMotionNet on composed clips, by Lightning."""
