"""A service of the registry's active version: swapped while it answers, and what it keeps."""

import csv
import hashlib
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update
from tests.bundles.conftest import Kind
from tests.serving.conftest import files, running
from tests.serving.test_refusals import refused
from tools.swap_under_load import Load

from thawline.errors import UserError
from thawline.serving.active import ActiveSource
from thawline.serving.source import FixedSource
from thawline.serving.training import begin_training
from thawline.tasks.bundle.load import load_bundle
from thawline.tasks.bundle.serving import Served
from thawline.tasks.versions import open_registry
from thawline.versions.feedback import add_item, answered
from thawline.versions.jobs import find_job, start_job
from thawline.versions.schema import FAILED, ClassificationResult, ModelVersion
from thawline.versions.settings import VersionsSettings


@pytest.fixture(scope="module")
def bundles(write):
    """Two bundles of one base."""
    return [write(Kind("clip", "prompts", thaw))[0] for thaw in ("projection", 2)]


@pytest.fixture
def settings(tmp_path):
    return VersionsSettings(str(tmp_path / "versions"))


@pytest.fixture
def registry(bundles, settings):
    """A registry with two versions, the first of which is active."""
    with open_registry(settings) as registry:
        for bundle in bundles:
            registry.import_(bundle)
        registry.activate(1)
        yield registry


def source_of(registry):
    def load_version(version):
        return Served(load_bundle(registry.folder(version), device="cpu"), f"v{version.number}", version)

    def stand_in():
        return Served(load_bundle(registry.folder(registry.find(1)), device="cpu"), "base")

    return ActiveSource(registry, load_version, stand_in)


@pytest.fixture
def client(registry, settings):
    with running(source_of(registry), registry, versions=settings) as client:
        yield client


def ask(client, photos):
    return client.post("/predict", files=files(photos)).json()["results"]


def test_of_several_labels_all_that_are_said_are_counted_and_kept(registry, bundles, photos, settings):
    tagger = load_bundle(bundles[0], device="cpu")
    # Untuned sigmoids are all beside their thresholds: two labels are said of every photo, the likeliest or not.
    tagger.thresholds = {"birthday": 0.0, "snow": 0.0, "wedding": 2.0}
    nothing = load_bundle(bundles[0], device="cpu")
    nothing.thresholds = dict.fromkeys(nothing.labels, 2.0)
    for bundle, kept in ((tagger, {"birthday|snow", "snow|birthday"}), (nothing, {""})):
        with running(FixedSource(Served(bundle, "Model"), []), registry, versions=settings) as client:
            said = ask(client, photos[:4])
            counts = client.get("/metrics").text
            client.app.state.service.flush()
        answers = ("birthday", "snow") if bundle is tagger else ("(none)",)
        for answer in answers:
            assert f'thawline_files_total{{label="{answer}",model="Model"}} 4.0' in counts
        assert counts.count("thawline_files_total{") == len(answers)
        with registry.database.session() as session:
            rows = {one.id: one.label for one in session.scalars(select(ClassificationResult))}
        for one in said:
            assert rows[one["result_id"]] == "|".join(one["details"]["tags"])
            assert rows[one["result_id"]] in kept


def until(true, seconds=20):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_an_activation_takes_effect_before_it_is_answered(client, registry, bundles, photos):
    [before] = ask(client, photos[:1])
    said = client.post("/models/versions/2/activate", json={"force": True}).json()
    [after] = ask(client, photos[:1])
    assert (said["version"]["number"], said["version"]["is_active"], said["answers"]) == (2, True, "v2")
    assert [(one["model"], one["version"]) for one in (before, after)] == [("v1", 1), ("v2", 2)]
    for one, bundle in zip((before, after), bundles, strict=True):
        [wanted] = load_bundle(bundle, device="cpu").predict(photos[:1])
        assert one["probabilities"] == pytest.approx(wanted.probabilities, abs=1e-5)
    assert before["probabilities"] != after["probabilities"]
    assert client.post("/models/rollback").json()["answers"] == "v1"
    assert registry.active().number == 1
    assert "v2" in refused(client.post("/models/versions/2/activate"), 409)  # no gate was asked
    assert refused(client.post("/models/versions/3/activate"), 404).startswith("there is no version 3")
    assert [one["number"] for one in client.get("/models/versions").json()["versions"]] == [1, 2]


def test_an_activation_by_another_program_takes_effect_soon(client, registry):
    registry.activate(2, force=True)
    until(lambda: client.get("/health").json()["version"] == 2)
    assert client.get("/health").json()["status"] == "ok"
    assert 'thawline_model{model="v2",task="events"} 1.0' in client.get("/metrics").text


def test_a_version_that_does_not_verify_takes_nobodys_place(client, registry, photos):
    weights = registry.root / "v0002" / "classes.safetensors"
    whole = weights.read_bytes()
    weights.unlink()  # equal files are one
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert "classes.safetensors was changed" in refused(
        client.post("/models/versions/2/activate", json={"force": True}), 409
    )
    with registry.database.session() as session:  # it was damaged after it had been activated
        session.execute(update(ModelVersion).values(is_active=False))
        session.execute(update(ModelVersion).where(ModelVersion.number == 2).values(is_active=True))
    until(lambda: client.get("/health").json()["status"] == "degraded")
    [problem] = client.get("/health").json()["problems"]
    assert problem.startswith("v2 is active and can't be used, v1 answers: ")
    assert "classes.safetensors was changed" in problem
    assert ask(client, photos[:1])[0]["version"] == 1
    weights.write_bytes(whole)
    client.app.state.service.refresh()
    assert client.get("/health").json()["problems"] == []
    assert ask(client, photos[:1])[0]["version"] == 2


def test_where_nothing_can_answer_the_version_that_is_damaged_is_named(registry):
    (registry.root / "v0001" / "classes.safetensors").unlink()  # it stands in for itself
    with pytest.raises(UserError, match=r"^v1 is active and can't be used: .*; nor can the base model, .*"):
        source_of(registry)


def test_until_a_version_is_active_the_base_answers(registry, settings, photos):
    with registry.database.session() as session:
        session.execute(update(ModelVersion).values(is_active=False))
    with running(source_of(registry), registry, versions=settings) as client:
        assert client.get("/health").json()["problems"] == ["no version is active yet, base answers"]
        assert ask(client, photos[:1])[0]["version"] is None
        client.post("/models/versions/1/activate")
        assert client.get("/health").json()["problems"] == []
        assert ask(client, photos[:1])[0]["version"] == 1


def test_no_request_is_dropped_while_versions_are_swapped(client, photos):
    outcome = Load(client, photos[:4], (1, 2)).run(60, 3, 6)
    assert (outcome.failed, outcome.wrong) == ([], [])
    assert outcome.swaps == 4
    assert sum(outcome.versions.values()) == 60
    assert min(outcome.versions[1], outcome.versions[2]) > 0


def test_what_was_said_is_kept_and_counted(client, registry, photos):
    said = [*ask(client, photos[:3]), *ask(client, photos[:1])]
    client.app.state.service.flush()
    with registry.database.reading() as session:
        rows = {row.id: row for row in session.scalars(select(ClassificationResult))}
    assert len(rows) == 4
    for one in said:
        row = rows[one["result_id"]]
        assert (row.name, row.label, row.user_feedback) == (one["name"], one["label"], None)
        assert row.score == pytest.approx(one["score"])
        assert row.model_version_id == registry.find(1).id
    assert rows[said[0]["result_id"]].digest == rows[said[3]["result_id"]].digest
    assert registry.find(1).predictions == 4
    assert client.get("/models/versions").json()["versions"][0]["predictions"] == 4


def test_a_label_goes_to_corrections(client, registry, photos):
    said = ask(client, photos[:2])
    for one, label in zip(said, ("snow", "wedding"), strict=True):
        answer = client.post(f"/results/{one['result_id']}/feedback", json={"label": label}).json()
        assert (answer["result_id"], answer["label"], answer["answer"]) == (one["result_id"], label, None)
    path = registry.root / "corrections.csv"
    with path.open("ab") as file:
        file.write(b"half a row, as a kill leaves it")
    client.post(f"/results/{said[0]['result_id']}/feedback", json={"label": "birthday"})
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows if row["label"]] == ["snow", "wedding", "birthday"]
    assert (rows[0]["result_id"], rows[0]["name"], rows[0]["said"]) == (
        said[0]["result_id"],
        said[0]["name"],
        said[0]["label"],
    )
    with registry.database.reading() as session:
        row = session.get_one(ClassificationResult, said[0]["result_id"])
    assert (row.user_feedback, row.feedback_at is not None) == ("birthday", True)


def test_an_answer_about_a_known_item_is_one_about_the_item(registry, settings, bundles, photos):
    bundle = load_bundle(bundles[0], device="cpu")
    bundle.task = "preference"  # whose record says what can be answered
    source = FixedSource(Served(bundle, "v1", registry.find(1)), [])
    with registry.database.session() as session:
        known = hashlib.sha256(photos[0].read_bytes()).hexdigest()
        item = add_item(session, photos[0], known)
    with running(source, registry, versions=settings) as client:
        for one, answer in zip(ask(client, photos[:2]), ("super_like", "dislike"), strict=True):
            said = client.post(f"/results/{one['result_id']}/feedback", json={"answer": answer}).json()
            assert (said["answer"], said["label"]) == (answer, None)
        wrong = client.post(f"/results/{one['result_id']}/feedback", json={"label": "snow"})
        assert refused(wrong, 422) == "give 'answer' alone, one of: dislike, like, super_like"
    with registry.database.reading() as session:
        [standing] = answered(session)
        results = {row.name: row.user_feedback for row in session.scalars(select(ClassificationResult))}
    assert (standing.item.id, standing.answer, standing.version_id) == (item.id, "super_like", registry.find(1).id)
    assert results == {photos[0].name: "super_like", photos[1].name: "dislike"}
    assert not (registry.root / "corrections.csv").exists()


def test_feedback_that_cannot_be_noted(client, photos):
    [said] = ask(client, photos[:1])
    where = f"/results/{said['result_id']}/feedback"
    assert refused(client.post(where, json={"label": "nothing"}), 422).startswith(
        "there is no label 'nothing'; there are: "
    )
    for wrong in ({}, {"answer": "yes"}, {"answer": "yes", "label": "snow"}):
        assert refused(client.post(where, json=wrong), 422) == "give 'label' alone, one of: birthday, snow, wedding"
    assert refused(client.post(where, json={"other": 1}), 422)
    assert refused(client.post(where, content=b"{"), 422)
    kind = {"Content-Type": "application/json"}
    deep = client.post(where, content=b"[" * 10**5, headers=kind)
    assert refused(deep, 400).startswith("the JSON can't be read: ")
    odd = client.post(where, content=b'{"label": "\\ud800"}', headers=kind)
    assert refused(odd, 422).startswith(r"there is no label '\ud800'; there are: ")
    lines = client.post(where, json={"label": "a\n\tb"})
    assert refused(lines, 422).startswith(r"there is no label 'a\n\tb'; there are: ")
    gone = client.post("/results/0/feedback", json={"label": "snow"})
    assert refused(gone, 404) == "there is no result '0'; its id is the result_id of an answer"


def test_a_full_disk_costs_the_ids_and_not_the_answers(bundle, photos, small_disk):
    settings = VersionsSettings(str(small_disk / "versions"))
    with open_registry(settings) as registry:
        source = FixedSource(Served(bundle, "Model"), [])
        with running(source, registry, versions=settings) as client:
            assert ask(client, photos[:1])[0]["result_id"]
            filler = small_disk / "filler"
            with pytest.raises(OSError, match="space"), filler.open("wb", buffering=0) as file:  # noqa: PT012
                while True:
                    file.write(bytes(512))
            told = []
            for _ in range(40):  # what the log has room for
                [said] = ask(client, photos[:1])
                client.app.state.service.flush()
                if said["result_id"] is None:
                    break
                told.append(said["result_id"])
            assert said["label"]
            assert said["result_id"] is None
            [problem] = client.get("/health").json()["problems"]
            assert "answers are not kept: " in problem
            assert "no room" in problem
            client.app.state.service.flush()  # tries it again, and does not take having nothing new for success
            assert client.get("/health").json()["problems"] == [problem]
            filler.unlink()
            until(lambda: client.get("/health").json()["problems"] == [])
            assert ask(client, photos[:1])[0]["result_id"]
            for result_id in told:  # the disk was full when the last of them was told
                where = f"/results/{result_id}/feedback"
                assert client.post(where, json={"label": "snow"}).status_code == 200


def test_feedback_finds_a_result_that_is_not_written_yet(client, registry, photos):
    with registry.database.session() as writing:
        writing.scalar(select(ModelVersion))  # from here on nobody else writes
        [said] = ask(client, photos[:1])
        time.sleep(0.1)
        with registry.database.reading() as session:
            assert session.get(ClassificationResult, said["result_id"]) is None
        pool = ThreadPoolExecutor(1)
        where = f"/results/{said['result_id']}/feedback"
        noted = pool.submit(client.post, where, json={"label": "snow"})
        time.sleep(0.1)
        assert not noted.done()
    assert noted.result().status_code == 200
    with registry.database.reading() as session:
        assert session.get_one(ClassificationResult, said["result_id"]).user_feedback == "snow"


def test_without_a_registry_nothing_is_kept(bundle, photos):
    with running(FixedSource(Served(bundle, "Model"), [])) as client:
        assert ask(client, photos[:1])[0]["result_id"] is None
        for path in ("/models/versions", "/jobs/1"):
            assert "results=true" in refused(client.get(path), 409)


def test_a_task_that_learns_from_no_answers_is_not_trained(client, registry):
    assert refused(client.post("/models/train"), 409).startswith("models of task=events don't learn from answers")
    assert refused(client.get("/jobs/1"), 404) == "there is no training 1"
    with registry.database.session() as session:
        number = start_job(session, {"epochs": 3}).id
    said = client.get(f"/jobs/{number}").json()
    assert (said["id"], said["status"], said["hyperparameters"], said["version"]) == (
        number,
        "pending",
        {"epochs": 3},
        None,
    )


def test_a_training_that_fails_says_why(registry, settings):
    job = begin_training("no such verb", settings, registry.database)
    assert (job.status, job.pid is not None) == ("pending", True)

    def status():
        with registry.database.reading() as session:
            return find_job(session, job.id)

    until(lambda: status().status == FAILED)
    assert status().reason.startswith("there is no verb 'no'")
