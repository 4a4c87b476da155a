"""Two commits of one thing are the same, and what differs is named. The tool itself is the long form."""

import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from tools.compare_commits import REPOSITORY, TABLE, compare_command, compare_folders, main
from tools.run_compared import replay, run_lines

from thawline.samples.events import make_events

RUN = "outputs/train/2026-11-28_23-03-39-269238"
LATER = "outputs/train/2027-01-02_03-04-05-000001"


def write(folder, directory=RUN, **changed):
    """What a command leaves; `changed`: another text of a file's."""
    run = folder / directory
    run.mkdir(parents=True)
    (folder / "ended.json").write_text(changed.get("ended", "[0, 0]"))
    (folder / "screen.txt").write_text(directory)
    (folder / "said.jsonl").write_text(changed.get("said", '{"path": "a.wav", "genre": "jazz", "seconds": 0.25}\n'))
    (run / "split.csv").write_text(changed.get("split", "path,fold\na.jpg,0\nb.jpg,1\n"))
    (run / "metrics.json").write_text(changed.get("metrics", '{"seconds": 1.5, "judged": {"accuracy": 0.5}}'))
    (run / "leaderboard.csv").write_text(changed.get("leaderboard", "rank,seconds,accuracy\n1,5.2,0.5\n"))
    pq.write_table(pa.table(changed.get("rows", {"path": ["a.jpg"], "p": [0.25]})), run / "predictions.parquet")
    return folder


def test_times_are_left_aside(tmp_path):
    later = {
        "said": '{"path": "a.wav", "genre": "jazz", "seconds": 1e-05}\n',
        "metrics": '{"seconds": 12, "judged": {"accuracy": 0.5}}',
        "leaderboard": "rank,seconds,accuracy\n1,70,0.5\n",
    }
    assert compare_folders(write(tmp_path / "old"), write(tmp_path / "new", LATER, **later)) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"ended": "[0, 2]"}, "ended.json: [1] is 2 in place of 0"),
        (
            {"said": '{"path": "a.wav", "genre": "rock", "seconds": 0.25}\n'},
            "said.jsonl: line[0].genre is rock in place of jazz",
        ),
        ({"split": "path,fold\na.jpg,0\nb.jpg,0\n"}, "split.csv: line[2] is b.jpg,0 in place of b.jpg,1"),
        ({"split": "path,fold\r\na.jpg,0\r\nb.jpg,1\r\n"}, "split.csv: the same lines in other bytes"),
        (
            {"metrics": '{"seconds": 1.5, "judged": {"accuracy": 0.75}}'},
            "metrics.json: judged.accuracy is 0.75 in place of 0.5",
        ),
        (
            {"metrics": '{"seconds": 1.5, "judged": {"exactness": 0.5}}'},
            "metrics.json: a key of judged is exactness in place of accuracy",
        ),
        (
            {"metrics": '{"seconds": 1.5,  "judged": {"accuracy": 0.5}}'},
            "metrics.json: the same values, written otherwise",
        ),
        (
            {"leaderboard": "rank,seconds,accuracy\n1,5.2,0.75\n"},
            "leaderboard.csv: row[0].accuracy is 0.75 in place of 0.5",
        ),
        (
            {"rows": {"path": ["a.jpg"], "p": [float("nan")]}},
            "predictions.parquet: row[0].p is nan in place of 0.25",
        ),
        (
            {"rows": {"path": ["a.jpg", "b.jpg"], "p": [0.25, 0.5]}},
            "predictions.parquet: row has 2 entries in place of 1",
        ),
    ],
)
def test_the_first_difference_of_a_file_is_named(tmp_path, changed, said):
    (difference,) = compare_folders(write(tmp_path / "old"), write(tmp_path / "new", LATER, **changed))
    assert difference.removeprefix("outputs/train/TIME/") == said


def test_files_that_are_missing_or_new_are_named(tmp_path):
    old, new = write(tmp_path / "old"), write(tmp_path / "new")
    (old / "said.jsonl").unlink()
    (new / RUN / "split.csv").unlink()
    assert compare_folders(old, new) == ["outputs/train/TIME/split.csv is there no more", "said.jsonl was not there"]


def test_the_bundle_that_a_command_left_is_asked_again(tmp_path):
    lines = [
        "train ../photos encoder=tiny_clip method=zero_shot 'data.classes=[wedding,birthday]'",
        "export outputs/train/* out=bundle",
        "predict bundle ../photos/wedding out=said.jsonl",
    ]
    old, new = tmp_path / "old", tmp_path / "new"
    make_events(old / "photos", photos_per_class=8, seed=0)
    run_lines(lines, {"train": "trainer=cpu logger=none"}, old / "command")
    shutil.copytree(old, new)
    replay(lines, {}, old / "command", new / "replayed-command")
    assert json.loads((old / "command" / "ended.json").read_text()) == [0, 0, 0]
    assert len(list((old / "command").glob("outputs/train/*/predictions.parquet"))) == 1
    assert json.loads((new / "replayed-command" / "golden.json").read_text()).keys() == {"bundle"}
    assert (new / "replayed-command" / "said.jsonl").is_file()
    assert compare_command("command", old, new) == []

    said = new / "replayed-command" / "said.jsonl"
    said.write_text(said.read_text().replace("wedding", "funeral", 1))
    (new / "replayed-command" / "golden.json").write_text('{"bundle": 0.5}')
    golden, replayed = compare_command("command", old, new)
    assert golden == "the old bundle's golden examples differ by 0.5"
    assert replayed.startswith("of the old bundle said.jsonl: ")


def test_a_line_that_fails_at_both_commits_is_no_comparison(tmp_path):
    for work in (tmp_path / "old", tmp_path / "new"):
        write(work / "command", ended="[0, 2]")
        shutil.copytree(write(tmp_path / "replayed"), work / "replayed-command")
        shutil.rmtree(tmp_path / "replayed")
        (work / "replayed-command" / "golden.json").write_text("{}")
    said = compare_command("command", tmp_path / "old", tmp_path / "new")
    assert said == ["line 2 fails at both: see its screen.txt"]


def test_there_are_twelve_commands_over_three_tasks():
    table = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    commands = {name: lines for lane in table["lanes"].values() for name, lines in lane["commands"].items()}
    assert len(commands) == 12
    verbs = [line.split()[0] for lines in commands.values() for line in lines]
    assert set(verbs) == {"train", "evaluate", "ensemble", "export", "predict"}
    words = " ".join(line for lines in commands.values() for line in lines)
    assert {"task=match", "task=genre"} < set(words.split())


@pytest.mark.skipif(not (REPOSITORY / ".git").exists(), reason="not a git repository")
def test_what_is_of_no_use_is_refused_before_anything_runs(tmp_path, capsys):
    def refused(*words):
        with pytest.raises(SystemExit) as end:
            main([str(word) for word in words])
        assert end.value.code == 2
        return capsys.readouterr().err

    assert "there is no commit 'HEAAD' here" in refused("HEAAD", "HEAD")
    assert "exists; --keep takes a new directory" in refused("HEAD", "HEAD", "--keep", tmp_path)
    assert "holds nothing that --keep wrote" in refused("HEAD", "HEAD", "--old-from", tmp_path)
    (tmp_path / "kept.json").write_text(json.dumps({"commit": "0" * 40, "commands": ""}))
    assert "is of commit 0000000000, not" in refused("HEAD", "HEAD", "--old-from", tmp_path)
