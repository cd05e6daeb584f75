"""Simulate a street and write what happens to standard output, as ``framing`` has it.

Runs in the simulator's own environment.
"""

from __future__ import annotations

import argparse
import os
import sys

from convlstm_perception_sim.camera import StreetCamera
from convlstm_perception_sim.crowd import Crowd
from convlstm_perception_sim.framing import write_message
from convlstm_perception_sim.scene import looks, ways

SEED = 5


def main() -> int:
    """Write so many images; end quietly when nobody reads them any more."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, required=True, help="how many, at ten a second")
    arguments = parser.parse_args()
    # Libraries print to standard output; it is kept for messages alone.
    with os.fdopen(os.dup(1), "wb") as stream:
        os.dup2(2, 1)
        from convlstm_perception_sim.street import Street

        people = ways()
        street = Street(StreetCamera(), Crowd(people, SEED), looks(len(people)), SEED)
        try:
            for _ in range(arguments.images):
                street.advance()
                snapshot, image = street.look()
                write_message(stream, snapshot.to_values(), image)
        except BrokenPipeError:
            os._exit(0)  # closing the stream would break once more
    return 0


if __name__ == "__main__":
    sys.exit(main())
