"""Few-shot methods on stored features and the choice among them: processor time, and accuracy beside the papers' code.

(a) Each method in closed form on 5 classes of 100 photos with 512 features, inner folds and all, in this process;
    beside it, where that is a few lines, what the authors' code computes, as plain PyTorch: its time, and its accuracy
    on 1,000 others. What needs a validation set there is given what was chosen here.
(b) `thawline train method=auto` over eight methods and five inner folds on 600 stored photos, as a whole process.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from common import finish, parser, run, say, workspace

from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.few_shot import ClapSettings, SSTextSettings, TipAdapterSettings, WiseFTSettings
from thawline.fitting.heads.cache import CacheHead
from thawline.fitting.heads.head import DenseHead, ProbeHead, PromptHead
from thawline.fitting.methods.clap import fit_clap
from thawline.fitting.methods.gda import fit_gda
from thawline.fitting.methods.logistic import fit_logistic
from thawline.fitting.methods.ss_text import fit_ss_text
from thawline.fitting.methods.tip_adapter import fit_tip_adapter
from thawline.fitting.methods.wise_ft import fit_wise_ft
from thawline.fitting.settings import GaussianSettings, LogisticSettings
from thawline.fitting.tail import Tail, predict
from thawline.samples.events import make_events

CLASSES, EACH, DIM, SCALE = 5, 100, 512, 100.0
SHRINKAGE, C = [0.5, 0.8, 0.9, 0.95, 0.98, 1.0], [0.01, 0.1, 1.0, 10.0, 100.0]
SHARES = [0.1 * step for step in range(11)]
AUTO_PHOTOS = 100  # of each of the sample's six classes
METHODS: dict[str, tuple[Callable[..., Any], Any]] = {
    "ss_text": (fit_ss_text, SSTextSettings(name="ss_text", head="probe")),
    "clap": (fit_clap, ClapSettings(name="clap", head="probe", steps=300, lr=0.1)),
    "wise_ft": (fit_wise_ft, WiseFTSettings(name="wise_ft", head="probe", steps=300, lr=0.1, alpha=SHARES)),
    "tip_adapter": (
        fit_tip_adapter,
        TipAdapterSettings(
            name="tip_adapter",
            head="cache",
            alpha=[0.3, 1.0, 3.0, 10.0],
            beta=[1.0, 2.0, 4.0, 8.0],
            epochs=20,
            lr=1e-3,
        ),
    ),
    "gda_zero_shot": (fit_gda, GaussianSettings(name="gda_zero_shot", head="probe", shrinkage=SHRINKAGE)),
    "gda": (fit_gda, GaussianSettings(name="gda", head="linear", shrinkage=SHRINKAGE)),
    "logistic": (fit_logistic, LogisticSettings(name="logistic", head="linear", c=C)),
}


class Rows:
    """Features in memory."""

    def __init__(self, rows: torch.Tensor) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, indices: Any) -> dict[str, torch.Tensor]:
        return {"features": self._rows[torch.from_numpy(np.asarray(indices))]}


class Nothing(torch.nn.Module):
    """Stages of a tail that begins at the head."""

    def forward(self, features: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """What comes in."""
        return features


def photos(count: int, seed: int) -> FeatureSet:
    """Features about a direction of each class, in a cone and ten long, as a CLIP's are."""
    draw, targets = np.random.default_rng(seed), np.arange(count) % CLASSES
    rows = 10 * (_directions()[targets] + 1.6 * draw.normal(size=(count, DIM)) / np.sqrt(DIM))
    return FeatureSet(Rows(torch.from_numpy(rows).float()), np.arange(count), targets, np.arange(count))


def _directions() -> Any:
    draw = np.random.default_rng(0)
    return draw.normal(size=DIM) / np.sqrt(DIM) + 0.25 * draw.normal(size=(CLASSES, DIM)) / np.sqrt(DIM)


def prompts() -> PromptHead:
    """Texts that point roughly where their photos are."""
    texts = _directions() + 0.35 * np.random.default_rng(7).normal(size=(CLASSES, DIM)) / np.sqrt(DIM)
    return PromptHead({"features": torch.from_numpy(10 * texts).float()}, torch.arange(CLASSES), SCALE)


def fresh(head: str) -> Tail:
    """A tail that is not fitted."""
    if head == "linear":
        return Tail(Nothing(), DenseHead(DIM, CLASSES))
    return Tail(Nothing(), (CacheHead if head == "cache" else ProbeHead).of(prompts()))


# The authors' code.


def authors_clap(x: torch.Tensor, y: torch.Tensor, t: torch.Tensor, _chosen: Any) -> Callable[[Any], Any]:
    """CLAP of jusiro/CLAP, over all samples at each of 300 steps."""
    start = t * prompts().get_buffer("prompt_features").norm(dim=-1).mean()

    def logits(features: torch.Tensor, prototypes: torch.Tensor) -> torch.Tensor:
        return SCALE * features @ F.normalize(prototypes, dim=-1).T

    one_hot = F.one_hot(y).float()
    pull = torch.diag(one_hot.T @ torch.softmax(logits(x, start), -1)) / one_hot.sum(0)
    prototypes = torch.nn.Parameter(start.clone())
    optimiser = torch.optim.SGD([prototypes], lr=0.1, momentum=0.9)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 300)
    for _ in range(300):
        optimiser.zero_grad()
        constraint = torch.mean(pull * (prototypes - start).pow(2).sum(-1))
        (F.cross_entropy(logits(x, prototypes), y) + constraint).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    return lambda features: logits(features, prototypes).detach()


def authors_ss_text(x: torch.Tensor, y: torch.Tensor, t: torch.Tensor, _chosen: Any) -> Callable[[Any], Any]:
    """SS-Text+ of jusiro/SS-Text, with its last move."""
    one_hot = F.one_hot(y).float()
    pull = (1 / one_hot.sum(0)).clamp(min=1e-3)
    centres = (1 / len(y)) * (1 / pull).unsqueeze(-1) * SCALE * (one_hot.T @ x) + t
    centres = centres - F.normalize(2 * centres - centres.mean(0), dim=-1)
    return lambda features: SCALE * features @ F.normalize(centres, dim=-1).T


def authors_gda(x: torch.Tensor, y: torch.Tensor, t: torch.Tensor, chosen: Any) -> Callable[[Any], Any]:
    """GDA of mrflogs/ICLR24, with its own shrinkage; alpha is such that it counts as much as it does here."""
    means = torch.stack([x[y == label].mean(0) for label in range(CLASSES)])
    apart = x - means[y]
    inverse = DIM * torch.linalg.pinv((len(x) - 1) * apart.T.cov() + apart.T.cov().trace() * torch.eye(DIM))
    weight = means @ inverse
    bias = -0.5 * (means * weight).sum(1)
    alpha = chosen["scale"]
    return lambda features: SCALE * features @ t.T + alpha * (features @ weight.T + bias)


def authors_tip_adapter(x: torch.Tensor, y: torch.Tensor, t: torch.Tensor, chosen: Any) -> Callable[[Any], Any]:
    """Tip-Adapter-F of gaopengcuhk/Tip-Adapter, over all samples at each of 20 steps, the last of which is taken."""
    alpha, beta, values = chosen["alpha"], chosen["beta"], F.one_hot(y).float()
    adapter = torch.nn.Linear(DIM, len(x), bias=False)
    adapter.weight = torch.nn.Parameter(x.clone())
    optimiser = torch.optim.AdamW(adapter.parameters(), lr=1e-3, eps=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 20)

    def logits(features: torch.Tensor) -> torch.Tensor:
        cached: torch.Tensor = ((-1) * (beta - beta * adapter(features))).exp() @ values * alpha
        return SCALE * features @ t.T + cached

    for _ in range(20):
        optimiser.zero_grad()
        F.cross_entropy(logits(x), y).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    return lambda features: logits(features).detach()


AUTHORS = {
    "clap": authors_clap,
    "ss_text": authors_ss_text,
    "gda_zero_shot": authors_gda,
    "tip_adapter": authors_tip_adapter,
}


def beside_the_authors(each: int) -> dict[str, dict[str, float]]:
    """Processor seconds and accuracy of each method, and of the authors' code where it is here."""
    train, held = photos(CLASSES * each, 1), photos(1000, 2)
    x, told = (F.normalize(torch.from_numpy(some.matrix()).float(), dim=-1) for some in (train, held))
    y, t = torch.from_numpy(train.targets), prompts().class_embeddings()
    found = {"zero_shot": {"accuracy": _right(predict(fresh("probe"), held), held)}}
    for name, (fit, settings) in METHODS.items():
        tail, began = fresh(settings.head), time.process_time()
        fitted = fit(tail, train, None, settings, 0)
        spent = time.process_time() - began
        tail = fresh(settings.head)
        tail.load_state_dict(fitted.state)
        said = predict(tail, held)
        found[name] = {"cpu": spent, "accuracy": _right(said, held)}
        if name in AUTHORS:
            began = time.process_time()
            logits = AUTHORS[name](x, y, t, fitted.chosen)
            found[name]["authors_cpu"] = time.process_time() - began
            theirs = torch.softmax(logits(told), -1).numpy()
            found[name] |= {"authors_accuracy": _right(theirs, held), "alike": _alike(said, theirs)}
        say(f"{name}: " + ", ".join(f"{key} {value:.3f}" for key, value in found[name].items()))
    return found


def _right(said: Any, held: FeatureSet) -> float:
    return float((said.argmax(axis=1) == held.targets).mean())


def _alike(mine: Any, theirs: Any) -> float:
    """The share of photos of which both say the same."""
    return float((mine.argmax(axis=1) == theirs.argmax(axis=1)).mean())


def chosen_automatically(scratch: Path, each: int) -> float:
    """Processor seconds of `thawline train method=auto` on the sample, whose features are stored."""
    sample = scratch / "sample"
    make_events(sample, photos_per_class=each, seed=1)
    words = [
        sys.executable,
        "-m",
        "thawline.cli",
        "train",
        str(sample),
        "encoder=tiny_clip",
        "trainer=cpu",
        "logger=none",
    ]
    words.append(f"paths.outputs={scratch / 'outputs'}")
    environment = {"THAWLINE_STORE": str(scratch / "store")}
    run([*words, "method=zero_shot"], environment)  # fills the store
    timing = run([*words, "method=auto"], environment)
    say(f"method=auto on {6 * each} photos: {timing.cpu:.1f} processor seconds")
    return timing.cpu


def main() -> None:
    """Measure both."""
    options = parser(__doc__)
    options.add_argument("--each", type=int, default=EACH, help="photos of each class in (a)")
    options.add_argument("--auto", type=int, default=AUTO_PHOTOS, help="photos of each class in (b); 0 leaves it out")
    given = options.parse_args()
    torch.set_num_threads(1)
    found = beside_the_authors(given.each)
    ratios: dict[str, Any] = {"all methods, cpu seconds": sum(one.get("cpu", 0.0) for one in found.values())}
    with workspace(given.data) as (_, scratch):
        if given.auto:
            ratios["method=auto, cpu seconds"] = chosen_automatically(scratch, given.auto)
    finish(given, ratios, {"methods": found})


if __name__ == "__main__":
    main()
