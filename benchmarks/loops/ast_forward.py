"""An AST of the default config: saved with random weights (`make`), or run once over all windows (`pass`).

The pass reads each file with soundfile, takes transformers' own extractor and runs batches of 8 on all cores. Imports
and loading the network are not counted.
"""

import argparse
import json
import time
from pathlib import Path

import soundfile
import torch
from transformers import ASTConfig, ASTFeatureExtractor, ASTForAudioClassification

BATCH = 8


def make(folder: Path) -> None:
    """Save it, with AudioSet's number of labels."""
    torch.manual_seed(0)
    ASTForAudioClassification(ASTConfig(num_labels=527)).save_pretrained(folder)
    ASTFeatureExtractor().save_pretrained(folder)


def run(folder: Path, tracks: Path) -> None:
    """Print the seconds of one pass."""
    extractor = ASTFeatureExtractor.from_pretrained(folder)
    model = ASTForAudioClassification.from_pretrained(folder).eval()
    files = sorted(tracks.rglob("*.wav"))
    started, used = time.perf_counter(), time.process_time()
    with torch.inference_mode():
        for first in range(0, len(files), BATCH):
            waveforms = [soundfile.read(path, dtype="float32")[0] for path in files[first : first + BATCH]]
            model(**extractor(waveforms, sampling_rate=16_000, return_tensors="pt"))
    seconds, cpu = time.perf_counter() - started, time.process_time() - used
    print(json.dumps({"seconds": seconds, "cpu": cpu, "per_window": seconds / len(files)}))


def main() -> None:
    """Do one of the two."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("make", "pass"))
    parser.add_argument("model", type=Path)
    parser.add_argument("tracks", type=Path, nargs="?")
    given = parser.parse_args()
    if given.what == "make":
        make(given.model)
    else:
        run(given.model, given.tracks)


if __name__ == "__main__":
    main()
