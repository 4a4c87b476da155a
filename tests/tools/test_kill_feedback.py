"""No answer that was acknowledged is lost to a kill. The tool itself is the long form."""

from tools.kill_feedback import check, kill_writers

from thawline.versions.database import open_database
from thawline.versions.feedback import add_item, record


def test_no_acknowledged_answer_is_lost_to_a_kill(tmp_path):
    outcome = kill_writers(5, seed=1, folder=tmp_path)
    assert (outcome.kills, outcome.wrong) == (5, [])
    assert outcome.acknowledged > 0


def test_the_tool_sees_what_is_lost(tmp_path):
    url = f"sqlite:///{tmp_path / 'versions.sqlite3'}"
    with open_database(url) as database, database.session() as session:
        row = record(session, add_item(session, "/photos/a.jpg", "a"), "yes")
        add_item(session, "/photos/b.jpg", "b")
    said = {"id": row.id, "item": row.item_id, "answer": "yes", "retracted": False}
    lost = {row.id: {**said, "retracted": True}, 7: {**said, "id": 7}}
    assert list(check(url, {row.id: said})) == ["item 2 has no answer"]
    assert list(check(url, lost)) == [
        "item 2 has no answer",
        "the deletion of row 1 was acknowledged and is not there",
        "row 7 was acknowledged and is not there",
    ]
