"""The floor: the fastest reduced decode and one forward pass alone, a process of one thread on each core.

JPEGs are decoded at the least scale that covers 224 px. Imports and building the network are not counted.
"""

import argparse
import json
import multiprocessing
import os
import time
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from transformers import CLIPVisionModelWithProjection

BATCH = 16


def decoded(path: Path) -> torch.Tensor:
    """Standardised pixels [3, 224, 224]."""
    image = Image.open(path)
    image.draft("RGB", (224, 224))
    width, height = image.size
    scale = 224 / min(width, height)
    image = image.resize((round(width * scale), round(height * scale)), Image.Resampling.BICUBIC)
    left, top = (image.width - 224) // 2, (image.height - 224) // 2
    return torch.from_numpy(np.array(image.crop((left, top, left + 224, top + 224)))).permute(2, 0, 1)


def work(files: list[Path], model_folder: Path, dtype: torch.dtype, barrier: Barrier, used: SimpleQueue) -> None:
    """Decode and encode one process's share."""
    torch.set_num_threads(1)
    model = CLIPVisionModelWithProjection.from_pretrained(model_folder, dtype=dtype).eval()
    with torch.inference_mode():
        model(pixel_values=torch.zeros(BATCH, 3, 224, 224, dtype=dtype))
        barrier.wait()
        before = time.process_time()
        for start in range(0, len(files), BATCH):
            pixels = torch.stack([decoded(path) for path in files[start : start + BATCH]])
            model(pixel_values=(pixels.float() / 127.5 - 1).to(dtype))
        used.put(time.process_time() - before)
        barrier.wait()


def main() -> None:
    """Print the seconds from when all processes are ready to when the last one has finished."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--dtype", default="float32")
    given = parser.parse_args()
    files = sorted(given.folder.rglob("*.jpg"))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    context = multiprocessing.get_context("spawn")
    barrier, used = context.Barrier(cores + 1), context.SimpleQueue()
    shares = [(files[i::cores], given.model, getattr(torch, given.dtype), barrier, used) for i in range(cores)]
    processes = [context.Process(target=work, args=share) for share in shares]
    for process in processes:
        process.start()
    barrier.wait()
    started = time.perf_counter()
    barrier.wait()
    seconds = time.perf_counter() - started
    for process in processes:
        process.join()
    cpu = sum(used.get() for _ in processes)
    print(json.dumps({"pass": seconds, "per_photo": seconds / len(files), "cpu": cpu}))


if __name__ == "__main__":
    main()
