"""``convlstm-perception export``: make a model bundle of a training checkpoint."""

from __future__ import annotations

import argparse
from pathlib import Path

from convlstm_perception.errors import ParameterError

_PROTOCOL_BATCH = 512  # windows at once


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, help="checkpoint of phase motion or jaad-boxes")
    parser.add_argument("--tracks", type=Path, help="checkpoint of phase tracks, for the bundle")
    parser.add_argument("--output", type=Path, required=True, help="folder of the bundle")
    parser.add_argument("--name", default="pedestrian-motion", help="name of the model")
    parser.add_argument("--version", default="0.2.0", help="version of the model")
    parser.add_argument("--height", type=int, default=384, help="input height, multiple of 32")
    parser.add_argument("--width", type=int, default=640, help="input width, multiple of 32")
    parser.add_argument("--detection-threshold", type=float, default=0.4, help="certain from here")
    for name, what in (("network", "motion graph"), ("tracks", "track decoder")):
        parser.add_argument(
            f"--{name}-scale",
            type=float,
            default=1.0,
            help=f"factor of the {what}'s Laplace scales, from validation",
        )
    parser.add_argument("--low-threshold", type=float, default=0.2, help="may continue a track")


def run(args: argparse.Namespace) -> int:
    from convlstm_perception.model.export import export_track_decoder
    from convlstm_perception.model.weight_storage import store_weights_in_half
    from convlstm_perception.training.checkpoint import checkpoint_phase
    from convlstm_perception.training.tracks import load_trained_tracks

    args.output.mkdir(parents=True, exist_ok=True)
    if checkpoint_phase(args.checkpoint) == "jaad-boxes":
        path = args.output / "decoder.onnx"
        export_track_decoder(load_trained_tracks(args.checkpoint), path, batch=_PROTOCOL_BATCH)
        store_weights_in_half(path)
        print(f"Wrote {path}")
        return 0
    print(f"Wrote {_export_bundle(args).parent}")
    return 0


def _export_bundle(args: argparse.Namespace) -> Path:
    from convlstm_perception.engine import write_manifest
    from convlstm_perception.model.export import export_graphs, export_track_decoder
    from convlstm_perception.model.weight_storage import store_weights_in_half
    from convlstm_perception.training.run import load_trained
    from convlstm_perception.training.tracks import load_trained_tracks

    config, network = load_trained(args.checkpoint)
    graphs = [
        *export_graphs(
            network, args.output, height=args.height, width=args.width, slots=config.slots
        )
    ]
    sources = sorted([*config.data, *config.recordings])
    manifest: dict[str, object] = {
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
        "calibration": {"network": args.network_scale, "tracks": args.tracks_scale},
        "training": {
            "data": sources,
            "pretrained": config.pretrained or "none",
            "rendered_people": config.rendered_people,
            "seed": config.seed,
        },
    }
    if args.tracks:
        decoder = load_trained_tracks(args.tracks)
        if decoder.config.horizons != network.config.horizons:
            raise ParameterError(
                f"{args.tracks}: its horizons {decoder.config.horizons} are not those of "
                f"{args.checkpoint}, {network.config.horizons}"
            )
        path = args.output / "tracks.onnx"
        export_track_decoder(decoder, path, batch=network.config.candidates)
        graphs.append(path)
        manifest["tracks"] = {"step": decoder.config.step}
    for path in graphs:
        store_weights_in_half(path)
    return write_manifest(args.output, manifest)
