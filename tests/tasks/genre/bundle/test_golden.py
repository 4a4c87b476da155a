"""Golden cases: what is read, what passes, and what is refused."""

import numpy as np
import pytest

from thawline.errors import UserError
from thawline.tasks.genre.bundle.golden import TrackCase, judge_cases, read_cases
from thawline.tasks.genre.bundle.record import MemberSaid, track_json, unusable_json
from thawline.tasks.genre.tables.instruments import hear

CASES = """
- {file: fiddle.wav, genre: country, instruments: [fiddle], acousticness: [0.6, 1]}
- file: ../riff.mp3
  expected: metal
- {file: /music/x.wav, acousticness: [0, 0.5]}
"""


def record(genre, **more):
    logits = np.array([[3.0, 0.0] if genre == "country" else [0.0, 3.0]], dtype=np.float32)
    said = MemberSaid("ast", ("country", "metal"), logits, ((0.0, 2.0),))
    return track_json("a", [said], method="ast", seconds=0, **more)


def read(tmp_path, text):
    path = tmp_path / "golden.yaml"
    path.write_text(text)
    return read_cases(path)


def test_cases_are_read_relative_to_their_file(tmp_path):
    first, second, third = read(tmp_path, CASES)
    assert first == TrackCase(tmp_path / "fiddle.wav", "country", ("violin",), (0.6, 1.0))
    assert (second.file, second.label, second.instruments) == (tmp_path.parent / "riff.mp3", "metal", ())
    [told] = read(tmp_path, "[{file: a.wav, genre: country, themes: [drinking, whiskey]}]")
    assert told == TrackCase(tmp_path / "a.wav", "country", themes=("drinking", "whiskey"))
    assert (str(third.file), third.label, third.acousticness) == ("/music/x.wav", None, (0, 0.5))


def test_a_case_passes_when_all_of_it_is_said(tmp_path):
    violin = hear({"Violin, fiddle": 0.8, "Banjo": 0.4})
    records = [
        record("country", instruments=violin, acousticness=0.6),
        record("metal"),
        record("metal", acousticness=0.5),
    ]
    for percent in (False, True):
        if percent:
            records[0] = record("country", instruments=violin, acousticness=0.6, percent=True)
        verdicts = list(judge_cases(read(tmp_path, CASES), records))
        assert [verdict.failures for verdict in verdicts] == [(), (), ()]
        assert verdicts[0].confidence == pytest.approx(1 / (1 + np.exp(-3)))
        assert verdicts[0].passed


def test_a_case_fails_with_every_reason(tmp_path):
    piano = hear({"Piano": 0.8})
    records = [
        record("metal", instruments=piano, acousticness=0.59),
        unusable_json("b", "it is silent", method="ast", seconds=0),
        record("metal"),
    ]
    failures = [verdict.failures for verdict in judge_cases(read(tmp_path, CASES), records)]
    assert failures == [
        ("metal in place of country", "no violin", "acousticness 0.59, not 0.6 to 1"),
        ("can't be used: it is silent",),
        ("the bundle knows no acousticness",),
    ]
    (verdict,) = judge_cases(read(tmp_path, "[{file: a, instruments: [violin]}]"), [record("metal")])
    assert verdict.failures == ("the bundle knows no instruments",)


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("{", "can't be read as YAML"),
        ("", "holds no list of cases"),
        ("[]", "holds no list of cases"),
        ("file: a.wav", "holds no list of cases"),
        ("- a.wav", "case 1 of .* names no file"),
        ("- {genre: rock}", "case 1 of .* names no file"),
        ("- {file: a, genre: rock}\n- {file: a, gnre: rock}", "case 2 of .* has the key 'gnre', which is not known"),
        ("- {file: a, genre: rock, expected: rock}", "must have one name as its genre"),
        ("- {file: a, genre: 7}", "must have one name as its genre"),
        ("- {file: a, genre: no}", "must have one name as its genre"),
        ("- {file: a}", "expects nothing of a; add genre, say"),
        ("- {file: a, instruments: []}", "expects nothing of a"),
        ("- {file: a, instruments: violin}", "the instruments of case 1 .* must be a list of names"),
        ("- {file: a, instruments: [violn]}", "case 1 .* has the instrument 'violn', which is not known; there are: "),
        ("- {file: a, themes: [love]}", "expects nothing of a"),
        ("- {file: a, genre: rock, themes: love}", "the themes of case 1 .* must be a list of names, such as"),
        ("- {file: a, acousticness: [0.6, 0.5]}", r"the acousticness of case 1 .* must be \[least, most\]"),
        ("- {file: a, acousticness: 0.6}", r"must be \[least, most\] within 0 to 1"),
        ("- {file: a, acousticness: [0, .nan]}", r"must be \[least, most\] within 0 to 1"),
    ],
)
def test_a_malformed_file_is_one_sentence(tmp_path, text, phrase):
    with pytest.raises(UserError, match=phrase) as error:
        read(tmp_path, text)
    assert "\n" not in str(error.value)


def test_the_file_must_be_there(tmp_path):
    with pytest.raises(UserError, match=r"there is no file .*absent.yaml; check the path"):
        read_cases(tmp_path / "absent.yaml")


def test_of_several_labels_the_expected_one_must_be_among_those_that_reach_their_thresholds(tmp_path):
    logits = np.array([[0.0, 3.0]], dtype=np.float32)
    said = MemberSaid("ast", ("country", "metal"), logits, ((0.0, 2.0),), thresholds={"country": 0.5, "metal": 0.99})
    told = track_json("a", [said], method="ast", seconds=0, percent=True)
    cases = read(tmp_path, "[{file: a, genre: country}, {file: a, genre: metal}]")
    first, second = judge_cases(cases, [told, told])
    assert (first.said, first.failures, first.confidence) == (("country",), (), 0.5)
    assert second.failures == ("country in place of metal",)
    assert second.confidence == pytest.approx(1 / (1 + np.exp(-3)))
