"""The short form of `tools/kill_versions.py`, and that it sees what is wrong."""

import shutil

from tests.bundles.conftest import Kind, fit, networks, write  # noqa: F401  # fixtures
from tools.kill_versions import begin, kill, look, url_of

from thawline.versions.database import open_database
from thawline.versions.jobs import start_job, update_job

BUNDLES = [Kind("clip", "prompts", "head"), Kind("clip", "prompts", 2)]


def test_what_is_killed_leaves_one_active_version_and_all_sound(write, tmp_path, capsys):  # noqa: F811
    assert kill(tmp_path / "versions", [write(kind)[0] for kind in BUNDLES], kills=4, seed=0) == []
    counts = [int(line.split(", ")[1].split()[0]) for line in capsys.readouterr().out.splitlines()]
    assert counts == sorted(counts)
    assert counts[-1] > 1, "no version was added between the kills"


def test_it_sees_what_is_wrong(write, tmp_path):  # noqa: F811
    root = tmp_path / "versions"
    begin(root, [write(BUNDLES[0])[0]])
    shutil.copytree(root / "v0001", root / "v0007")
    (root / "v0001" / "config.json").unlink()
    with open_database(url_of(root)) as database, database.session() as session:
        update_job(session, start_job(session, {}).id, running=True)
    _, wrong = look(root)
    assert len(wrong) == 3
    assert wrong[0].endswith("is said to run")  # by this very process, which is there
    assert "config.json is missing" in wrong[1]
    assert wrong[2] == "v0007 has no row"
