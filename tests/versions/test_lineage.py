"""Versions made, activated, pruned and forgotten are the same in a database of either kind."""

from tests.bundles.conftest import Kind

from thawline.versions.feedback import add_item, record
from thawline.versions.lineage import active_before, lineage
from thawline.versions.registry import Registry

BASE, BLOCKS = Kind("clip", "prompts", "head"), Kind("clip", "prompts", 2)


def test_the_same_feedback_gives_the_same_versions(database, write, tmp_path):
    registry = Registry(tmp_path / "versions", database)
    with database.session() as session:
        items = [add_item(session, f"/{name}.jpg", name * 64) for name in "abc"]
        rows = [record(session, item, word).id for item, word in zip(items, ("no", "yes", "yes"), strict=True)]
    first = registry.add(write(BASE)[0], type="base", metrics={"headline": "accuracy"})
    for used in (rows, rows[1:], []):
        scores = {row: 0.25 * row for row in used}
        registry.add(
            write(BLOCKS)[0], type="blocks", samples=len(used), parent=first, feedback_ids=used, out_of_fold=scores
        )
    for number in (1, 2, 3):
        registry.activate(number, force=True)
    with database.reading() as session:
        made_of = lineage(session, registry.find(2))
        assert active_before(session).number == 2
    assert (dict(made_of.counts), made_of.feedback_ids) == ({"no": 1, "yes": 2}, tuple(rows))
    assert [reason for _, reason in made_of.activations] == ["forced"]
    assert [version.number for version in registry.forget("a" * 64).users] == [2]
    # v2 was active, and goes since it knows what was forgotten; v4 never was.
    assert [version.number for version in registry.prune(0)] == [2, 4]
    assert [registry.rollback().number, registry.active().number] == [1, 1]
    assert [
        (v.number, v.samples, v.is_active, v.stale_since is not None, v.pruned_at is not None)
        for v in registry.versions()
    ] == [
        (1, 0, True, False, False),
        (2, 3, False, True, True),
        (3, 2, False, False, False),
        (4, 0, False, False, True),
    ]
