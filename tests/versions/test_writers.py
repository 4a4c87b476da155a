"""Several processes open a database that is not there yet, and write to it at once: every row arrives."""

import multiprocessing

from sqlalchemy import func, select

from thawline.versions.database import open_database
from thawline.versions.feedback import Given, add_item, answered, record, record_many
from thawline.versions.schema import Feedback, Item

WRITERS, EACH = 4, 12


def write(url, number):
    """Answers about items of its own and about one of all, one by one, then a table of all writers' items."""
    with open_database(url) as database:
        for n in range(EACH):
            with database.session() as session:
                own = add_item(session, f"/photos/{number}-{n}.jpg", f"{number}-{n}")
                record(session, own, "yes")
                record(session, add_item(session, "/photos/all.jpg", "all"), str(number))
        rows = [Given(f"/photos/t{n}.jpg", f"t{n}", "no") for n in range(50)]
        with database.session() as session:
            record_many(session, rows if number % 2 else reversed(rows))


def test_every_row_of_several_writers_arrives(url):
    fork = multiprocessing.get_context("fork")
    writers = [fork.Process(target=write, args=(url, number), daemon=True) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [writer.exitcode for writer in writers] == [0] * WRITERS
    with open_database(url) as database, database.reading() as session:
        assert session.scalar(select(func.count(Item.id))) == WRITERS * EACH + 1 + 50
        assert session.scalar(select(func.count(Feedback.id))) == 2 * WRITERS * EACH + 50
        assert len(answered(session)) == WRITERS * EACH + 1 + 50
