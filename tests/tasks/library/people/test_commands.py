from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf
from tests.tasks.library.people.made import encodings_of, one_each

from thawline.cli import main
from thawline.errors import UserError
from thawline.tasks.library.alone import alone
from thawline.tasks.library.people import commands
from thawline.tasks.library.people.learn import learn_people
from thawline.tasks.library.people.people import Unsure
from thawline.tasks.library.people.settings import LibraryPeopleSettings, PeopleSettings, check_people
from thawline.tasks.library.people.store import read_people


@pytest.fixture
def library(tmp_path: Path) -> Path:
    learn_people(tmp_path / "library", one_each(encodings_of([5, 4, 3, 1], noise=0.2)[0]), PeopleSettings())
    return tmp_path / "library"


def given(directory: Path, **words: Any) -> DictConfig:
    plain = OmegaConf.structured(LibraryPeopleSettings)
    paths = {"outputs": str(directory.parent), "run": str(directory.parent)}
    return OmegaConf.merge(plain, {"dir": str(directory), "paths": paths, **words})  # type: ignore[return-value]


def test_the_owner_names_merges_splits_and_forgets(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commands.name(given(library, person="1", called="Anna"))
    commands.merge(given(library, person="anna", into="3"))
    commands.split(given(library, person="Anna", others=["e0000"]))
    assert capsys.readouterr().out.splitlines() == [
        "person 1 is called Anna",
        "person 3 is person 1 now, with 8 faces; it stays so",
        "person 5 has 1 face of person 1's, who has 7 left",
    ]
    commands.people(given(library))
    shown = capsys.readouterr().out.splitlines()
    assert shown[:3] == [
        "4 people with 13 faces; 2 with one face",
        "       1       7 faces  Anna",
        "       2       4 faces",
    ]
    commands.forget(given(library, person="Anna"))
    assert capsys.readouterr().out.startswith(
        "person 1 is forgotten, with 7 faces; they stay so at the next training\n"
    )
    assert read_people(library).sizes == {2: 4, 4: 1, 5: 1}


def test_what_cannot_be_done_is_one_sentence(library: Path) -> None:
    with pytest.raises(UserError, match="there is no person '9'"):
        commands.forget(given(library, person="9"))
    with pytest.raises(UserError, match="no person is named"):
        commands.merge(given(library, person="1"))
    with pytest.raises(UserError, match="can't be merged with itself"):
        commands.merge(given(library, person="1", into="1"))
    with pytest.raises(UserError, match="'x' is no face of person 1"):
        commands.split(given(library, person="1", others=["x"]))
    with pytest.raises(UserError, match="these are all faces of person 4"):
        commands.split(given(library, person="4", others=["e0012"]))
    with pytest.raises(UserError, match="there are no people in"):
        commands.people(given(library / "none"))
    with pytest.raises(UserError, match="has people already"):
        commands.people(given(library, convert="face_clusters.pkl"))
    for name in ("1", "2"):
        commands.name(given(library, person=name, called=f"Anna {'I' * int(name)}"))
    with pytest.raises(UserError, match="take one name away first"):
        commands.merge(given(library, person="1", into="2"))


@pytest.mark.parametrize("word", ["method=kmeans", "gone=maybe", "same=1.5", "neighbours=2"])
def test_settings_out_of_range(word: str) -> None:
    name, _, value = word.partition("=")
    typed: Any = value if value.isalpha() else float(value)
    with pytest.raises(UserError, match=f"people.{name}="):
        check_people(PeopleSettings(**{name: typed}), "people.")


def test_the_verbs_as_they_are_typed(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["library", "name", str(library), "1", "Anna Maria, the first"])
    main(["library", "split", str(library), "Anna Maria, the first", "e0000#0", "e0001"])
    main(["library", "merge", str(library), "1", "5"])
    main(["library", "people", str(library)])
    assert "1       5 faces  Anna Maria, the first" in capsys.readouterr().out
    main(["library", "name", str(library), "1", ""])
    main(["library", "forget", str(library), "1"])
    assert read_people(library).sizes == {2: 4, 3: 3, 4: 1}


def test_pairs_that_may_be_one_say_why_in_words() -> None:
    assert Unsure(1, 2, 0.2, "near").reason == "just below the threshold"
    assert Unsure(1, 2, 0.6, "twins").reason == "alike, but each more like itself"


def test_what_the_owner_says_waits_for_a_training_rather_than_being_lost(library: Path) -> None:
    with alone(library):
        for verb in (commands.name, commands.merge, commands.split, commands.forget):
            with pytest.raises(UserError, match="another training is at work"):
                verb(given(library, person="1", called="Anna", into="2", others=["e0000"]))
    commands.name(given(library, person="1", called="Anna"))
    assert read_people(library).names[1].text == "Anna"
