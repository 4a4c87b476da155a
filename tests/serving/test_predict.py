"""Files asked of a service that runs: the bundle's own answers, whoever asks at the same time."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.serving.conftest import files


def test_answers_are_those_of_predict(client, bundle, photos):
    sent = photos[:6]
    said = client.post("/predict", files=files(sent)).json()["results"]
    assert [one["name"] for one in said] == [path.name for path in sent]
    for one, wanted in zip(said, bundle.predict(sent), strict=True):
        assert one["label"] == wanted.label
        assert one["probabilities"] == pytest.approx(wanted.probabilities, abs=1e-5)
        assert one["score"] == max(one["probabilities"].values())
        assert (one["model"], one["version"], one["problem"], one["details"]) == ("Model", None, None, {})


def test_requests_at_once_get_each_its_own_answer(client, bundle, photos):
    wanted = {path.name: one.probabilities for path, one in zip(photos, bundle.predict(photos), strict=True)}
    asked = [photos[i % len(photos)] for i in range(64)]
    before = batches(client)
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda path: client.post("/predict", files=files([path])), asked))
    for path, answer in zip(asked, answers, strict=True):
        [one] = answer.json()["results"]
        assert one["name"] == path.name
        assert one["probabilities"] == pytest.approx(wanted[path.name], abs=1e-5)
    assert batches(client) - before < 48  # of 64 requests


def batches(client):
    lines = client.get("/metrics").text.splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("thawline_batch_files_count")))


def test_a_file_that_cannot_be_used_says_so_among_the_others(client, photos):
    said = client.post("/predict", files=[*files(photos[:1]), ("files", ("note.txt", b"hello"))]).json()["results"]
    assert said[0]["problem"] is None
    assert said[1]["label"] is None
    assert said[1]["problem"] == "not an image (JPEG, PNG and WebP are)"
    assert said[1]["probabilities"] == {}


def test_a_clip_compares_a_picture_with_a_text(client, bundle, photos):
    said = client.post("/clip/analyze", files={"file": files(photos[:1])[0][1]}, data={"text": "a bride"}).json()
    wanted = float(bundle.cosines(bundle.pixels(photos[0])[None], ["a bride"])[0])
    assert said["similarity"] == pytest.approx(wanted, abs=1e-6)
    assert (said["text"], said["is_mismatch"], said["probability"]) == ("a bride", None, None)
    assert -1 < wanted < 1


def test_health_names_what_answers(client):
    said = client.get("/health").json()
    assert (said["status"], said["model"], said["task"], said["problems"]) == ("ok", "Model", "events", [])
    assert said["labels"] == ["birthday", "snow", "wedding"]


def test_metrics_count_requests_by_route_and_answers_by_label(client, photos):
    client.post("/predict", files=files(photos[:1]))
    client.get("/no/such/place")
    text = client.get("/metrics").text
    assert 'thawline_requests_total{method="POST",path="/predict",status="200"}' in text
    assert 'thawline_requests_total{method="GET",path="(none)",status="404"}' in text
    assert "thawline_files_total{" in text
    assert 'thawline_model{model="Model",task="events"} 1.0' in text
    assert "no/such" not in text
