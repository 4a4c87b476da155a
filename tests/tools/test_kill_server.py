"""No answer that a service acknowledged is lost to a kill. The tool itself is the long form."""

import pytest
from tools.kill_server import Acknowledged, begin, check, kill_services

from thawline.versions.database import open_database
from thawline.versions.feedback import record
from thawline.versions.schema import Item
from thawline.versions.settings import SQLITE, sqlite_url


@pytest.mark.long
def test_no_answer_that_a_service_acknowledged_is_lost_to_a_kill(tmp_path, own_store):
    acknowledged, wrong = kill_services(1, seed=1, folder=tmp_path, longest=0.3)
    assert wrong == []
    assert acknowledged > 0


def test_the_tool_sees_what_is_lost(tmp_path):
    begin(tmp_path / "versions")
    with open_database(sqlite_url(tmp_path / "versions" / SQLITE)) as database, database.session() as session:
        row = record(session, session.get_one(Item, 3), "like")
    said = Acknowledged({(row.id, 3, "like")})
    assert list(check(tmp_path / "versions", said)) == []
    said = Acknowledged({(row.id, 3, "dislike")}, {row.id}, {"f" * 32: "wedding"})
    assert list(check(tmp_path / "versions", said)) == [
        "row 1 was acknowledged and is not there",
        "the deletion of row 1 was acknowledged and is not there",
        f"what was said of result {'f' * 32} was acknowledged and is not there",
    ]
