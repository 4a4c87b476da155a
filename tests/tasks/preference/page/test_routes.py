"""What the page asks the service for."""

import io
from pathlib import Path

from PIL import Image
from sqlalchemy import select
from tests.serving.test_refusals import refused
from tools.fuzz_service import Fuzzer

from thawline.versions.schema import Feedback, Item

TOKEN = "a-long-token"  # noqa: S105  # of this test alone


def answers(registry):
    """Each row: item, answer, whether it was retracted."""
    with registry.database.reading() as session:
        return [(row.item_id, row.answer, row.retracted_at is not None) for row in session.scalars(select(Feedback))]


def judge(client, item, answer):
    return client.post(f"/preference/items/{item}/answer", json={"answer": answer})


def test_an_answer_is_noted_with_what_was_said_when_the_photo_was_shown(client, registry):
    [first, *_] = client.get("/preference/items", params={"n": 4, "strategy": "random"}).json()["items"]
    assert first.keys() == {"id", "name", "why"}
    said = judge(client, first["id"], "super_like")
    assert said.status_code == 200
    assert said.json()["answer"] == "super_like"
    with registry.database.reading() as session:
        row = session.get(Feedback, said.json()["feedback_id"])
        assert row.why == first["why"]
        assert row.score == said.json()["score"]


def test_the_same_answer_may_be_sent_again_and_another_one_counts_instead(client, registry):
    first = judge(client, 1, "like").json()["feedback_id"]
    assert judge(client, 1, "like").json()["feedback_id"] == first
    assert judge(client, 1, "dislike").json()["feedback_id"] != first
    assert answers(registry) == [(1, "like", False), (1, "dislike", False)]
    assert client.get("/preference/overview").json()["answers"] == {"dislike": 1, "like": 0, "super_like": 0}


def test_what_is_undone_stays_a_fact_and_the_photo_is_asked_about_again(client, registry):
    row = judge(client, 2, "like").json()["feedback_id"]
    assert 2 not in [one["id"] for one in client.get("/preference/items").json()["items"]]
    assert client.delete(f"/preference/feedback/{row}").json() == {"feedback_id": row}
    assert answers(registry) == [(2, "like", True)]
    assert 2 in [one["id"] for one in client.get("/preference/items").json()["items"]]


def test_a_photo_is_small_and_says_nothing_besides(client):
    given = client.get("/preference/items/1/picture")
    picture = Image.open(io.BytesIO(given.content))
    assert (given.headers["content-type"], picture.format, picture.size) == ("image/jpeg", "JPEG", (1024, 44))
    assert not picture.getexif()


def test_a_photo_whose_file_is_gone_or_another_one_is_one_sentence(client, registry):
    with registry.database.session() as session:
        first, second = (session.get(Item, number) for number in (1, 2))
        changed, gone = first.path, second.path
    with Path(changed).open("ab") as file:
        file.write(b"more")
    assert "another one by now" in refused(client.get("/preference/items/1/picture"), 404)
    Path(gone).unlink()
    assert "is not there any more" in refused(client.get("/preference/items/2/picture"), 404)


def test_wrong_requests_are_one_sentence_each(client):
    assert "there is no item 99" in refused(judge(client, 99, "like"), 404)
    assert "there is no answer 'love'" in refused(judge(client, 1, "love"), 422)
    assert "there is no answer 7" in refused(client.delete("/preference/feedback/7"), 404)
    assert "there is no simulation" in refused(client.get("/preference/simulation"), 404)
    assert client.get("/preference/items", params={"strategy": "astrology"}).status_code == 409


def test_the_overview_tells_versions_rates_and_what_is_new(client):
    judge(client, 1, "like")
    said = client.get("/preference/overview").json()
    assert (said["model"], said["items"], said["fresh"], said["job"]) == ("v1 answers now.", 4, 1, None)
    assert [(one["number"], one["is_active"]) for one in said["versions"]] == [(2, False), (1, True)]
    assert said["versions"][0]["headline"]["name"] == "accuracy"
    assert not said["can_roll_back"]
    assert not said["plot"]


LIKES, ALL = "likes over likes and dislikes", "likes with super-likes over all answers"


def rates(said):
    return {rate["name"]: tuple(round(rate[key], 4) for key in ("value", "low", "high")) for rate in said}


def test_rates_are_named_and_have_their_intervals(client):
    shown = client.get("/preference/items", params={"n": 4}).json()["items"]
    for item, answer in zip(shown, ("like", "like", "dislike", "super_like"), strict=True):
        judge(client, item["id"], answer)
    # Wilson's intervals of 2 of 3 and of 3 of 4.
    wanted = {LIKES: (0.6667, 0.2077, 0.9385), ALL: (0.75, 0.3006, 0.9544)}
    page = client.get("/preference/overview").json()["versions"]
    service = client.get("/models/versions").json()["versions"]
    for two, one in (page, service[::-1]):
        assert (rates(one["rates"]), two["rates"]) == (wanted, [])
    assert [one["answers"] for one in service] == [{"like": 2, "dislike": 1, "super_like": 1}, {}]


def test_two_versions_pick_in_turn_and_keep_what_they_picked(client, registry):
    how = {"n": 2, "between": "v1,2"}
    first = client.get("/preference/items", params=how).json()["items"]
    assert client.get("/preference/items", params=how).json()["items"] == first
    assert {one["why"] for one in first} == {"picked in turn by v1 and v2"}
    more = client.get("/preference/items", params={**how, "n": 4}).json()["items"]
    assert more[:2] == first
    by = {}
    for item in more:
        said = judge(client, item["id"], "like").json()
        by.setdefault(said["version"], []).append(said)
    assert sorted(map(len, by.values())) == [2, 2]
    client.delete(f"/preference/feedback/{by[2][0]['feedback_id']}")
    compared = client.get("/preference/overview", params={"between": "1,2"}).json()["compared"]
    assert [(side["version"], side["answers"]["like"]) for side in compared["sides"]] == [(1, 2), (2, 1)]
    assert compared["sentence"].startswith("v1 and v2 cannot be told apart")
    assert client.get("/preference/overview").json()["compared"] is None
    assert "must be two versions" in refused(client.get("/preference/overview?between=1"), 422)
    assert "there is no version 9" in refused(client.get("/preference/items?between=1,9"), 409)
    assert "there is no version 9" in refused(client.get("/preference/overview?between=1,9"), 409)


def test_the_page_is_open_and_all_that_it_shows_needs_the_token(serve):
    with serve(token=TOKEN) as client:
        for path in ("/", "/page/page.css", "/page/page.js"):
            given = client.get(path)
            assert given.status_code == 200
            assert "default-src 'none'" in given.headers["content-security-policy"]
        for path in ("/preference/overview", "/preference/items", "/preference/items/1/picture"):
            assert client.get(path).status_code == 401
            assert client.get(path, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_a_simulation_beside_the_registry_has_its_plot_shown(client, registry):
    folder = registry.root.parent / "simulate" / "2026-01-01"
    folder.mkdir(parents=True)
    (folder / "curves.png").write_bytes(b"a plot")
    said = client.get("/preference/overview").json()
    assert (said["plot"], said["verdict"]) == (True, None)
    (folder / "simulation.json").write_text('{"verdict": "badge beats random."}')
    assert client.get("/preference/overview").json()["verdict"] == "badge beats random."
    assert client.get("/preference/simulation").content == b"a plot"


def test_no_request_to_the_page_is_the_services_own_failure(client):
    outcome = Fuzzer(str(client.base_url).rstrip("/"), None).run(2, without=("/models/train",))
    assert outcome.wrong == []
    assert {200, 404, 422} <= set(outcome.answers)
