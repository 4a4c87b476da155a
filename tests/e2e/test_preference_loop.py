"""The loop: answers, a version, another, back; what is deleted is learnt no more."""

import csv
import signal
import threading
import time
from pathlib import Path

import pytest
from tests.e2e.apart import Apart
from tests.runs.readback import read_offline_runs

import thawline as package
from thawline.data.walking import walk_photos
from thawline.tasks.preference.loop.importing import import_answers
from thawline.tasks.versions import open_registry
from thawline.versions.feedback import answered
from thawline.versions.jobs import list_jobs, training_lock
from thawline.versions.registry import Registry
from thawline.versions.schema import COMPLETED, FAILED, PENDING, RUNNING
from thawline.versions.settings import VersionsSettings

TRAIN = ("preference", "train", "encoder=tiny_clip", "trainer=cpu")
pytestmark = pytest.mark.usefixtures("shared_store")


def write_answers(path, sample, first, last, **answers):
    """What is answered of some of the photos of each class."""
    rows = []
    for name, answer in answers.items():
        rows += [(photo, answer) for photo in sorted(walk_photos([str(sample / name)], {}))[first:last]]
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "feedback"), *rows])
    return path


ANSWERS = {"wedding": "super_like", "beach_day": "like", "campfire_night": "dislike", "football_match": "dislike"}


@pytest.fixture
def registry(thawline):
    with open_registry(VersionsSettings(dir=str(thawline.directory / "outputs" / "versions"))) as opened:
        yield opened


def jobs(registry):
    with registry.database.reading() as session:
        return list_jobs(session)[::-1]


def test_feedback_makes_versions_that_go_live_are_rolled_back_and_forget(thawline, sample, registry):
    thawline("preference", "import", write_answers(thawline.directory / "in.csv", sample, 0, 8, **ANSWERS))
    said = thawline(*TRAIN, "logger=wandb", "logger.mode=offline")
    assert "training 1: " in said
    assert "v2 is active; v1 was" in said
    base, second = registry.versions()
    choice = second.metrics["choice"]
    assert (base.type, base.samples, second.parent_id) == ("base", 0, base.id)
    assert second.type == min(choice["tried"], key=lambda name: choice["tried"][name]["log_loss"])
    assert set(choice["tried"]) == {"logistic", "gda"}
    assert f"{second.type} has the least log-loss out of fold" in said
    assert "blocks are tried from 50 answers of each kind on" in " ".join(said.split())
    assert second.metrics["estimates"]["accuracy"]["value"] > 0.8
    half = package.load(registry.folder(base)).predict(walk_photos([str(sample / "wedding")], {}))
    assert {one.probabilities["like"] for one in half if one.problem is None} == {0.5}
    (job,) = jobs(registry)
    assert (job.status, job.version_id, job.hyperparameters["method"]) == (COMPLETED, second.id, second.type)
    assert job.hyperparameters["choice"] == choice
    assert job.accuracy == pytest.approx(second.metrics["estimates"]["accuracy"]["value"])
    (run,) = (thawline.directory / "outputs" / "preference").iterdir()
    for name, figures in choice["tried"].items():
        [mirrored] = read_offline_runs(run / name)
        assert (mirrored.about["display_name"], mirrored.about["run_group"]) == (f"{run.name}/{name}", run.name)
        assert mirrored.about["tags"] == [name, "package:tiny_clip"]
        assert mirrored.summary | figures == mirrored.summary

    thawline("preference", "import", write_answers(thawline.directory / "more.csv", sample, 8, 12, **ANSWERS))
    said = thawline("preference", "train", "trainer=cpu", "method=gda")  # the encoder is that of v1
    assert registry.active().number == 3, said
    third, named = registry.active(), jobs(registry)[-1].hyperparameters
    assert (third.type, named["method"], "choice" in named, "choice" in third.metrics) == ("gda", "gda", False, False)
    thawline("versions", "rollback")
    assert registry.active().number == 2

    with registry.database.reading() as session:
        first = answered(session)[0].item
    said = thawline("preference", "remove", first.path)
    assert "v2 and v3 were trained on it" in said
    assert "still knows of it" in thawline("versions", "forget", first.id, status=1)
    said = thawline("preference", "train", "trainer=cpu")
    assert registry.active().number == 4, said
    assert registry.find(2).stale_since is not None
    thawline("versions", "prune", "keep=0")
    assert "no version that is there knows of it" in thawline("versions", "forget", first.id)
    assert [wrong for _, wrong in registry.verify()] == [None, None]


@pytest.mark.parametrize(("seconds", "tried"), [(0, ("logistic", "gda")), (1000, ("logistic", "gda", "blocks"))])
def test_blocks_are_tried_where_there_are_answers_and_time(thawline, sample, registry, seconds, tried):
    thawline("preference", "import", write_answers(thawline.directory / "in.csv", sample, 0, 6, **ANSWERS))
    few = ("cv=2", "choosing.least=5", "choosing.blocks.epochs=1", "choosing.thaw=1", f"choosing.seconds={seconds}")
    said = " ".join(thawline(*TRAIN, *few).split())
    second = registry.find(2)
    assert tuple(second.metrics["choice"]["tried"]) == tried
    assert second.metrics["choice"]["why"] in said
    assert second.type in ("logistic", "gda")
    assert ("blocks are not better: " in said) == ("blocks" in tried)
    assert ("s here, more than choosing.seconds=0 (method=finetune thaw=1 trains them)" in said) == (not seconds)
    (run,) = (thawline.directory / "outputs" / "preference").iterdir()
    assert {path.name for path in run.iterdir()} == {"feedback.csv", "logistic", "gda"}
    assert len({(run / name / "split.csv").read_bytes() for name in ("logistic", "gda")}) == 1


def test_words_make_a_prior_before_any_answer(thawline, sample, registry):
    said = thawline(*TRAIN, "data.likes=wedding, bride", "data.dislikes=football match")
    assert "v2 is active; v1 was" in said
    assert [version.type for version in registry.versions()] == ["base", "prior"]
    bundle = package.load(registry.folder(registry.active()))
    scores = {
        name: [
            one.probabilities["like"]
            for one in bundle.predict(walk_photos([str(sample / name)], {}))
            if not one.problem
        ]
        for name in ("wedding", "football_match")
    }
    assert min(scores["wedding"]) > max(scores["football_match"])


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({}, "there is no feedback yet: import some"),
        ({"wedding": "like"}, "answers that can be used are likes; a taste is learnt from both"),
    ],
)
def test_nothing_to_learn_from_is_refused_and_leaves_no_training(thawline, sample, registry, answers, said):
    if answers:
        thawline("preference", "import", write_answers(thawline.directory / "in.csv", sample, 0, 4, **answers))
    assert said in thawline.refused(*TRAIN)
    assert jobs(registry) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["encoder.name=nowhere", "encoder.revision=null"], "nowhere"),
        (["method=finetune", "thaw=99"], "thaw=99: clip has"),
    ],
)
def test_settings_that_the_encoder_does_not_have_leave_no_training(thawline, sample, registry, words, said):
    thawline("preference", "import", write_answers(thawline.directory / "in.csv", sample, 0, 4, **ANSWERS))
    assert said in thawline.refused(*TRAIN, *words)
    assert (jobs(registry), registry.versions()) == ([], [])


def test_an_item_whose_file_is_gone_or_changed_is_left_out_and_named(thawline, photos, registry):
    thawline("preference", "import", write_answers(thawline.directory / "in.csv", photos, 0, 8, **ANSWERS))
    gone, changed, other = sorted(photos.glob("wedding/*.jpg"))[:3]
    gone.unlink()
    changed.write_bytes(other.read_bytes() + b"more")
    said = thawline(*TRAIN, "method=logistic")
    assert f"{gone.name} is left out: the file is gone" in said
    assert f"{changed.name} is left out: its content is not what was judged" in said
    assert registry.active().samples < 32
    for path in list(walk_photos([str(photos)], {})):
        Path(path).unlink()
    assert "answered photos is there any more" in thawline.refused(*TRAIN, "method=logistic")


def test_a_training_that_fails_leaves_the_active_version_and_says_why(thawline, sample, registry, monkeypatch):
    thawline("preference", "import", write_answers(thawline.directory / "in.csv", sample, 0, 8, **ANSWERS))
    thawline(*TRAIN, "method=logistic")

    def refused(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Registry, "add", refused)
    said = thawline.refused(*TRAIN, "method=logistic", "seed=1")
    assert said.startswith("training 2 failed: the disk is full; free some space, or set ")
    assert said.endswith("; v2 stays active")
    assert jobs(registry)[-1].status == FAILED
    assert f"training 2 failed: {jobs(registry)[-1].reason}; v2 stays active" == said

    def stopped(*_, **__):
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(Registry, "add", stopped)
    thawline(*TRAIN, "method=logistic", "seed=1", status=143)
    assert (jobs(registry)[-1].status, jobs(registry)[-1].reason) == (FAILED, "interrupted")
    monkeypatch.undo()
    assert registry.active().number == 2
    assert [wrong for _, wrong in registry.verify()] == [None, None]


def test_a_real_disk_that_is_full_is_named_and_nothing_half_made_stays(thawline, sample, small_disk, tmp_path):
    place = VersionsSettings(dir=str(small_disk / "versions"), database=f"sqlite:///{tmp_path / 'answers.sqlite3'}")
    there = (f"versions.dir={place.dir}", f"versions.database={place.database}")
    answers = write_answers(thawline.directory / "in.csv", sample, 0, 8, **ANSWERS)
    thawline("preference", "import", answers, *there)
    assert thawline.refused(*TRAIN, *there).startswith("training 1 failed: the disk is full (")
    with open_registry(place) as registry:
        (job,) = jobs(registry)
        assert job.status == FAILED
        assert job.reason.startswith("the disk is full (")
        assert registry.versions() == []
        assert [path.name for path in registry.root.iterdir() if path.is_dir()] == []


@pytest.mark.long
def test_a_second_training_waits_and_trains_only_where_something_is_new(thawline, sample, registry):
    thawline("preference", "import", write_answers(thawline.directory / "in.csv", sample, 0, 8, **ANSWERS))
    first = Apart(thawline.directory, *TRAIN, "method=logistic")
    wait_for(lambda: any(job.status == RUNNING for job in jobs(registry)), first)
    said = thawline(*TRAIN, "method=logistic")
    first.communicate()
    assert first.returncode == 0, first.said()
    assert "another training runs for these versions; this one begins when that ends" in said
    assert "nothing is new since training 1, which made v2" in said
    assert [(job.status, job.version_id) for job in jobs(registry)] == [(COMPLETED, registry.find(2).id)] * 2

    waiting = []
    held, more = threading.Event(), write_answers(thawline.directory / "more.csv", sample, 8, 10, **ANSWERS)

    def hold():
        with training_lock(registry.root):
            held.set()
            wait_for(lambda: len(jobs(registry)) == 3 and jobs(registry)[-1].reason)
            waiting.append((jobs(registry)[-1].status, jobs(registry)[-1].reason))
            import_answers(more, registry.database)

    other = threading.Thread(target=hold)
    other.start()
    held.wait()
    said = thawline(*TRAIN, "method=logistic")
    other.join()
    assert "another training runs" in said
    assert "nothing is new" not in said
    assert waiting == [(PENDING, "another training runs for these versions; this one begins when that ends")]
    assert (jobs(registry)[-1].status, jobs(registry)[-1].reason) == (COMPLETED, None)
    assert registry.find(2).samples < registry.find(3).samples


def wait_for(there, process=None):
    until = time.monotonic() + 120
    while not there():
        assert process is None or process.poll() is None, process.said()
        assert time.monotonic() < until
        time.sleep(0.01)
