"""A task's LightningModule and LightningDataModule, trained by a Trainer that knows nothing of Thawline."""

import csv
import itertools
import pickle
from pathlib import Path

import lightning.pytorch as L
import pytest
import torch
from tests.e2e.conftest import enter
from tests.e2e.test_tags import tracks  # noqa: F401  # a fixture

from thawline.commands.app import settings_of
from thawline.errors import UserError
from thawline.samples.pairs import make_pairs
from thawline.tasks.events.data import EventsDataModule
from thawline.tasks.events.module import EventsModule
from thawline.tasks.genre.data import GenreDataModule
from thawline.tasks.genre.module import GenreModule, GenreTagsModule
from thawline.tasks.match.data import MatchDataModule
from thawline.tasks.match.module import MatchModule

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "python.md"
ALIKE = ("trainer=cpu", "logger=csv", "method.epochs=3", "method.patience=3")


@pytest.fixture
def places(request, tmp_path_factory):
    """Where each task's data are."""
    return {
        "events": lambda: request.getfixturevalue("sample"),
        "match": lambda: make_pairs(tmp_path_factory.mktemp("pairs"), pictures=40, seed=1).file,
        "genre": lambda: request.getfixturevalue("tracks"),
    }


def fit(data, module, folder, epochs=3):
    """Train as anyone would, but for the bars; the same bits need the same number of threads."""
    how = {"enable_progress_bar": False, "enable_model_summary": False, "num_sanity_val_steps": 0}
    trainer = L.Trainer(max_epochs=epochs, accelerator="cpu", default_root_dir=folder, logger=False, **how)
    trainer.fit(module, datamodule=data)
    return trainer


@pytest.mark.parametrize(
    ("task", "words", "data_module", "module"),
    [
        ("events", ("encoder=tiny_clip", "method=linear"), EventsDataModule, EventsModule),
        ("events", ("encoder=tiny_clip", "method=projection"), EventsDataModule, EventsModule),
        ("match", ("task=match", "encoder=tiny_clip"), MatchDataModule, MatchModule),
        ("genre", ("task=genre", "encoder=mfcc", "method=linear", "data.reference=null"), GenreDataModule, GenreModule),
        (
            "genre",
            ("task=genre", "encoder=mfcc", "method=linear", "data.labels=several"),
            GenreDataModule,
            GenreTagsModule,
        ),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_a_plain_trainer_fits_what_thawline_train_fits(
    thawline, places, shared_store, tmp_path, task, words, data_module, module
):
    place = places[task]()
    thawline("train", place, *words, *ALIKE, "refit=false")
    [run] = thawline.runs()
    best = torch.load(run / "folds" / "holdout" / "best.ckpt", weights_only=True)
    torch.manual_seed(99)  # of no importance: starting weights follow from the run's seed
    data = data_module(settings_of("train", [f"data.path='{place}'", *words, *ALIKE]))
    data.setup()
    plain = module(data.problem, data.train)
    trainer = fit(data, plain, tmp_path, epochs=best["epoch"] + 1)
    assert best["state_dict"].keys() == plain.state_dict().keys()
    assert all(torch.equal(best["state_dict"][name], tensor) for name, tensor in plain.state_dict().items())
    with (run / "folds" / "holdout" / "history.csv").open() as file:
        row = list(csv.DictReader(file))[best["epoch"]]
    logged = {name: str(float(value)) for name, value in trainer.callback_metrics.items()}
    assert logged == {name: row[name] for name in ("train_loss", "inner_loss", "inner_accuracy")}


def test_the_page_says_how(sample, shared_store, tmp_path, monkeypatch, capsys):
    text = PAGE.read_text(encoding="utf-8")
    lines = text[text.index("    import lightning.pytorch as L\n") :].splitlines()
    code = "\n".join(line[4:] for line in itertools.takewhile(lambda line: not line or line[:4].isspace(), lines))
    assert "max_epochs=20" in code
    enter(monkeypatch, tmp_path)
    (tmp_path / "Photos").symlink_to(sample)
    seen = {}
    exec(code.replace("max_epochs=20", "max_epochs=1"), seen)  # noqa: S102  # the project's own
    assert seen["module"].trainer.current_epoch == 1
    assert 0 < float(seen["module"].trainer.callback_metrics["inner_accuracy"]) <= 1


def test_what_other_processes_get_is_the_samples_without_the_networks(sample, shared_store):
    data = EventsDataModule(
        settings_of("train", [f"data.path='{sample}'", "encoder=tiny_clip", "method=linear", *ALIKE])
    )
    data.setup()
    there = pickle.loads(pickle.dumps(data))  # noqa: S301  # the test's own
    assert there.problem is None
    there.setup()
    assert all(torch.equal(a, b) for a, b in zip(first_batch(data), first_batch(there), strict=True))


def first_batch(data):
    features, targets = next(iter(data.train_dataloader()))
    return features["features"], targets


def test_a_method_without_a_trainer_is_refused(sample):
    settings = settings_of("train", [f"data.path='{sample}'", "encoder=tiny_clip", "method=zero_shot"])
    with pytest.raises(UserError, match="method=zero_shot is not gradient descent"):
        EventsDataModule(settings)
