"""`thawline preference ask` as a whole command over very many items whose features are stored.

python ask.py prepare PLACE BUNDLE PHOTO    a registry in which BUNDLE is active, and a store with its features
python ask.py STRATEGY PLACE                the command, twice in this process: its imports are made the first time
"""

import hashlib
import json
import os
import resource
import sys
import time
from pathlib import Path

import numpy as np

ITEMS, ANSWERED, AT_ONCE = 100_000, 500, 5_000


def prepare(place: Path, bundle: Path, photo: Path) -> None:
    """Items of random features, all of which lie at `photo`, and answers to the first of them."""
    import torch
    from sqlalchemy import insert

    from thawline.bundles.networks.classifier import read_preprocessing
    from thawline.features.media import Photos
    from thawline.features.store.store import FeatureStore
    from thawline.features.wanted import wanted_features
    from thawline.tasks.preference.asking.scoring import load_scorer
    from thawline.tasks.versions import open_registry
    from thawline.versions.schema import Feedback, Item, now
    from thawline.versions.settings import VersionsSettings

    drawn = np.random.default_rng(0)
    digests = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(ITEMS + ANSWERED)]
    parts = [digests[start : start + AT_ONCE] for start in range(0, len(digests), AT_ONCE)]
    with open_registry(VersionsSettings(str(place / "versions"))) as registry:
        registry.activate(registry.import_(bundle).number)
        with registry.database.session() as session:
            for part in parts:
                rows = [{"path": str(photo), "digest": digest, "group": None, "added_at": now()} for digest in part]
                session.execute(insert(Item), rows)
            said = [{"item_id": i + 1, "answer": "dislike" if i % 3 else "like"} for i in range(ANSWERED)]
            session.execute(insert(Feedback), said)
        scorer = load_scorer(registry.folder(registry.find(1)), place / "store")
    encoder = scorer.encoder
    wanted = wanted_features(
        encoder,
        FeatureStore(place / "store"),
        Photos(read_preprocessing(bundle)),
        cuts=[encoder.end],
        dtype="float32",
        device=torch.device("cpu"),
        label="the active version",
    )
    shelf = wanted.targets[0].shelf
    with shelf.filling():
        for part in parts:
            features = drawn.standard_normal((len(part), encoder.dim), dtype=np.float32)
            shelf.append(part, {"features": torch.from_numpy(features)})


def ask(place: Path, strategy: str) -> None:
    """Print what the second of two commands took, in seconds and processor seconds, and the process's memory."""
    from thawline.cli import main
    from thawline.tasks.preference.asking.scoring import load_scorer

    os.environ["THAWLINE_STORE"] = str(place / "store")
    words = ["preference", "ask", "n=20", f"strategy={strategy}", f"versions.dir={place / 'versions'}"]
    for _ in range(2):
        load_scorer.cache_clear()
        wall, spent = time.perf_counter(), time.process_time()
        main([*words, "accelerator=cpu"])
    wall, spent = time.perf_counter() - wall, time.process_time() - spent
    unit = 1024 if sys.platform == "darwin" else 1
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / unit
    print(json.dumps({"seconds": wall, "cpu": spent, "mb": most}))


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare(*map(Path, sys.argv[2:]))
    else:
        ask(Path(sys.argv[2]), sys.argv[1])
