"""``convlstm-perception export``: make a model bundle of a training checkpoint."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, help="checkpoint of the last training phase")
    parser.add_argument("--output", type=Path, required=True, help="folder of the bundle")
    parser.add_argument("--name", default="pedestrian-motion", help="name of the model")
    parser.add_argument("--version", default="0.1.0", help="version of the model")
    parser.add_argument("--height", type=int, default=384, help="input height, multiple of 32")
    parser.add_argument("--width", type=int, default=640, help="input width, multiple of 32")
    parser.add_argument("--detection-threshold", type=float, default=0.4, help="certain from here")
    parser.add_argument("--low-threshold", type=float, default=0.2, help="may continue a track")


def run(args: argparse.Namespace) -> int:
    from convlstm_perception.engine import write_manifest
    from convlstm_perception.model.export import export_graphs
    from convlstm_perception.training.run import load_trained

    config, network = load_trained(args.checkpoint)
    args.output.mkdir(parents=True, exist_ok=True)
    export_graphs(network, args.output, height=args.height, width=args.width, slots=config.slots)
    manifest = {
        "name": args.name,
        "version": args.version,
        "input": {"height": args.height, "width": args.width},
        "window": {"step": config.step, "slots": config.slots},
        "output": {
            "candidates": network.config.candidates,
            "horizons": network.config.horizons,
            "classes": ["pedestrian"],
        },
        "thresholds": {"detection": args.detection_threshold, "low": args.low_threshold},
        "training": {"data": sorted(config.data), "seed": config.seed},
    }
    print(f"Wrote {write_manifest(args.output, manifest).parent}")
    return 0
