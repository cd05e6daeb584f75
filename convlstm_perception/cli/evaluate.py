"""``convlstm-perception evaluate``: figures of quality on an annotated video, as JSON."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

import numpy as np

# The whole precision-recall curve counts, so detections far below any useful threshold are kept.
_LOWEST_SCORE = 0.01


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dataset", choices=["pets"], default="pets", help="kind of annotation")
    parser.add_argument("--annotations", type=Path, required=True, help="annotation xml (gt.xml)")
    parser.add_argument(
        "--video", type=Path, help="the annotated video; without it the demo's video is fetched"
    )
    parser.add_argument("--bundle", type=Path, help="model bundle; the shipped one by default")
    parser.add_argument("--every", type=int, default=15, help="score each n-th frame")
    parser.add_argument("--threads", type=int, default=0, help="inference threads, 0 = all")
    parser.add_argument("--output", type=Path, help="also write the JSON to this file")


def run(args: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import Progress

    from convlstm_perception.data.demo_video import fetch_demo_video
    from convlstm_perception.data.pets import FRAME_RATE, read_pets_xml
    from convlstm_perception.data.video import open_source
    from convlstm_perception.engine import ModelBundle, MotionModel, default_bundle_path
    from convlstm_perception.evaluation.sequence import answer_sequence, score_sequence
    from convlstm_perception.stream import CameraPipeline, PipelineSettings

    truths = read_pets_xml(args.annotations)
    video = args.video or fetch_demo_video()
    bundle = ModelBundle.load(args.bundle or default_bundle_path())
    model = MotionModel.load(bundle, threads=args.threads)
    settings = dataclasses.replace(PipelineSettings(), low_threshold=_LOWEST_SCORE)
    # Standard output carries the JSON alone.
    with open_source(video) as source, Progress(console=Console(file=sys.stderr)) as progress:
        task = progress.add_task(f"evaluating {bundle.model_id}", total=source.frame_count)
        results = answer_sequence(
            CameraPipeline(model, settings), source, FRAME_RATE, lambda: progress.advance(task)
        )
    scores = {
        f"ap{overlap}": score_sequence(results, truths, args.every, overlap / 100)
        for overlap in (50, 30)
    }
    seconds = np.array([sum(result.latencies.values()) for result in results])
    figures = {
        "model": bundle.model_id,
        "engine": model.engine_name,
        "video": str(video),
        "frames": len(results),
        "frames_scored": len(range(0, len(results), args.every)),
        "people": scores["ap50"].people,
        **{name: round(score.average_precision, 4) for name, score in scores.items()},
        "latency_ms_p50": round(float(np.percentile(seconds, 50)) * 1e3, 1),
        "latency_ms_p99": round(float(np.percentile(seconds, 99)) * 1e3, 1),
    }
    text = json.dumps(figures, indent=2)
    print(text)
    if args.output:
        args.output.write_text(text + "\n")
    return 0
