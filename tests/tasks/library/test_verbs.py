"""The verbs of a library as they are typed."""

import json

import pytest

from thawline.cli import main
from thawline.tasks.library.training.verbs import VERBS
from thawline.tasks.task import find_task


@pytest.fixture
def library(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [
        {"id": number, "image_path": f"{number}.jpg", "meta_tags": ["dog"], "face_encodings": [[1.0, number / 100]]}
        for number in range(6)
    ]
    (tmp_path / "Our photos.json").write_text(json.dumps([*rows, 7]), encoding="utf-8")
    return tmp_path


def test_a_library_is_learnt_as_typed(library, capsys):
    main(["library", "train", "Our photos.json", "out=What it taught", "limit=5"])
    said = capsys.readouterr().out
    assert said.startswith("5 entries, 1 tags: dog (5)\n5 with faces")
    assert "next   thawline library people 'What it taught'\n" in said
    report = json.loads((library / "What it taught" / "training_report.json").read_bytes())
    assert (report["total_images"], report["faces"]) == (5, 5)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["none.json"], "there is no file"),
        (["sqlite:///none.db"], "none.db; check the URL sqlite:///"),
        (["Our photos.json", "since=soon"], "since=soon is no time"),
        (["Our photos.json", "tags=[cat]"], "is wanted"),
    ],
)
def test_what_cannot_be_learnt_is_a_sentence(library, capsys, words, said):
    with pytest.raises(SystemExit) as ended:
        main(["library", "train", *words])
    assert ended.value.code == 2
    told = " ".join(capsys.readouterr().err.split())
    assert said in told
    assert "Traceback" not in told
    assert not (library / "outputs").exists()


def test_the_record_lists_the_verbs():
    names = [verb.name for verb in find_task("library").verbs]
    assert VERBS[0].name == names[0] == "library train"
    assert {"library people", "library forget"} <= set(names)
