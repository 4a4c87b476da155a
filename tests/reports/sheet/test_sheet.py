"""The list of doubted labels, and the contact sheet in a real Chromium."""

import csv
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from PIL import Image
from tests.reports.browser import CHROMIUM, Browser
from tests.reports.made import predictions

from thawline.reports.sheet.document import write_sheet
from thawline.reports.sheet.doubted import Doubted, DoubtedSet, first_of, list_doubts, write_doubts, write_proposals
from thawline.runs.predictions import Tags, join_predictions

HOSTILE = 'a, "b" </script><img src=x onerror=window.broken=1> \u202e é'


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    started = Browser(tmp_path_factory.mktemp("chromium"))
    yield started
    started.close()


def test_each_sample_is_listed_once_with_the_mean_of_its_seeds(tmp_path):
    one = predictions(38)
    other = replace(one, probabilities=np.full_like(one.probabilities, 0.5), folds=("other",) * len(one.paths))
    doubts = list_doubts(join_predictions([one, other]))
    assert [doubt.rank for doubt in doubts] == list(range(1, 41))
    assert sorted(doubt.path for doubt in doubts) == sorted(one.paths)
    assert {(doubt.path, doubt.label, doubt.likely) for doubt in doubts[:2]} == {
        ("beach/0038.jpg", "beach", "wedding"),
        ("wedding/0039.jpg", "wedding", "beach"),
    }
    assert doubts[0].probability == pytest.approx((0.25 + 0.5) / 2)
    assert len(first_of(doubts, 0.1)) == 4
    assert len(first_of(doubts, 0.001)) == 1

    write_doubts(tmp_path / "labels.csv", doubts)
    rows = list(csv.reader((tmp_path / "labels.csv").open(newline="")))
    assert tuple(rows[0]) == Doubted.columns
    assert rows[1][2:6] == ["beach", "0.3750", "wedding", "0.6250"]
    assert len(rows) == 41


def test_proposals_are_the_likely_classes_of_what_is_likely_wrong(tmp_path):
    said = predictions(38)
    number = write_proposals(tmp_path / "new.csv", list_doubts(said), "me", date(2026, 11, 29))
    rows = list(csv.reader((tmp_path / "new.csv").open(newline="")))
    assert rows[0] == ["path", "label", "when", "by"]
    assert number == 2
    assert sorted(rows[1:]) == [
        ["beach/0038.jpg", "wedding", "2026-11-29", "me"],
        ["wedding/0039.jpg", "beach", "2026-11-29", "me"],
    ]


def test_what_is_said_on_the_sheet_becomes_a_file_and_nothing_leaves_the_machine(browser, tmp_path):
    paths = [f"beach/{i:03}{HOSTILE}.jpg" for i in range(40)]
    folder = tmp_path / "photos" / "beach"
    folder.mkdir(parents=True)
    Image.new("RGB", (40, 30), "red").save(folder / "037 .jpg")
    paths[37] = "beach/037 .jpg"
    paths[36] = "../outside.jpg"
    Image.new("RGB", (40, 30), "red").save(tmp_path / "outside.jpg")
    doubts = first_of(list_doubts(predictions(36, paths=paths)), 0.1)
    write_sheet(tmp_path / "labels.html", doubts, ("beach", "wedding", HOSTILE), "about", tmp_path / "photos")
    browser.open(tmp_path / "labels.html")
    assert browser.run("document.querySelectorAll('.sheet li').length") == 4
    assert browser.run("[...document.images].map((one) => one.alt)") == ["photo beach/037 .jpg"]
    assert browser.run("document.getElementById('download').disabled")
    assert browser.run("document.getElementById('file').textContent") == "path,label,when,by\n"

    # The page offers: not looked at, its own class, the likely one, the hostile one, none of them.
    for number, choice in ((0, 2), (2, 4), (3, 3)):
        browser.run(
            f"(() => {{ const one = document.querySelectorAll('select')[{number}]; one.selectedIndex = {choice};"
            " one.dispatchEvent(new Event('change', {bubbles: true})); })()"
        )
    browser.run("document.getElementById('by').value = 'Me, \"myself\"'")
    browser.run("document.getElementById('by').dispatchEvent(new Event('input'))")
    browser.run("HTMLAnchorElement.prototype.click = function () { window.taken = [this.download, this.href]; }")
    browser.run(
        "URL.createObjectURL = (blob) => { blob.text().then((text) => (window.text = text)); return 'blob:x'; }"
    )
    browser.click("#download")
    text = browser.until("window.text")
    assert browser.run("window.taken[0]") == "corrections.csv"
    header, *rows = csv.reader(text.splitlines())
    assert header == ["path", "label", "when", "by"]
    found = {path: (label, by) for path, label, _, by in rows}
    assert found == {
        doubts[0].path: (doubts[0].likely, 'Me, "myself"'),
        doubts[2].path: ("", 'Me, "myself"'),
        doubts[3].path: (HOSTILE, 'Me, "myself"'),
    }
    assert all(len(when) == len("2026-11-29T12:00:00+00:00") for _, _, when, _ in rows)
    assert browser.run("window.broken") is None
    assert browser.complaints == []
    asked = [address for address in browser.requests if not address.startswith("data:")]
    assert asked == [(tmp_path / "labels.html").as_uri()]


LABELS = ("formal", "outdoor", HOSTILE)


def tagged():
    """40 photos with one or two of three labels: the last lacks `outdoor`, the one before has it too many."""
    one = predictions(40, classes=LABELS)
    true = np.eye(3, dtype=np.bool_)[one.labels]
    true[::2, 2] = True
    scores = np.where(true, 0.9, 0.1).astype(np.float32)
    true[39, 1], scores[39] = False, (0.9, 0.95, 0.1)
    true[38, :], scores[38] = (True, True, False), (0.9, 0.05, 0.1)
    return replace(one, probabilities=scores, tags=Tags(true, true, true))


def test_of_several_labels_what_is_wrong_and_what_is_missing_is_listed_and_proposed(tmp_path):
    doubts = list_doubts(tagged())
    write_doubts(tmp_path / "labels.csv", doubts)
    rows = list(csv.reader((tmp_path / "labels.csv").open(newline="")))
    assert tuple(rows[0]) == DoubtedSet.columns
    paths = tagged().paths
    assert [(row[1], row[2], *row[4:]) for row in rows[1:3]] == [
        (paths[38], "formal|outdoor", "outdoor", "", "formal"),
        (paths[39], "formal", "", "outdoor", "formal|outdoor"),
    ]
    assert rows[1][3] == f"{0.2 * (0.2 * 0.9 + 0.8 * 0.9) + 0.8 * 0.05:.4f}"  # EMA of 0.9, 0.9 and 0.05
    assert {row[4] + row[5] for row in rows[3:]} == {""}
    assert write_proposals(tmp_path / "new.csv", doubts, "me", date(2026, 11, 29)) == 2
    proposed = list(csv.reader((tmp_path / "new.csv").open(newline="")))[1:]
    assert [row[:2] for row in proposed] == [[paths[38], "formal"], [paths[39], "formal|outdoor"]]


def test_a_photo_of_which_all_labels_are_in_doubt_is_proposed_nothing(tmp_path):
    (one, *_) = list_doubts(tagged())
    gone = replace(one, wrong=one.labels)
    assert (gone.likely, gone.proposed) == ((), "")


def test_the_labels_that_are_ticked_become_a_row_and_none_leaves_the_photo_out(browser, tmp_path):
    doubts = first_of(list_doubts(tagged()), 0.1)
    write_sheet(tmp_path / "labels.html", doubts, LABELS, "about", None)
    browser.open(tmp_path / "labels.html")
    ticked = "[...document.querySelectorAll('.sheet li')].map((li) => [...li.querySelectorAll('input[value]:checked')]"
    assert browser.run(f"{ticked}.map((box) => Number(box.value)))")[:2] == [[0, 1], [0]]
    assert browser.run("document.getElementById('download').disabled")

    def click(photo, box):
        browser.run(f"document.querySelectorAll('.sheet li')[{photo}].querySelector('{box}').click()")

    click(0, 'input[value="1"]')
    click(1, 'input[value="2"]')
    click(1, 'input[value="1"]')
    click(2, ".looked")
    for label in doubts[3].labels:
        click(3, f'input[value="{LABELS.index(label)}"]')
    header, *rows = csv.reader(browser.run("document.getElementById('file').textContent").splitlines())
    assert header == ["path", "label", "when", "by"]
    assert [row[:2] for row in rows] == [
        [doubts[0].path, "formal"],
        [doubts[1].path, f"formal|outdoor|{HOSTILE}"],
        [doubts[2].path, "|".join(doubts[2].labels)],
        [doubts[3].path, ""],
    ]
    assert all(len(when) == len("2026-11-29T12:00:00+00:00") for _, _, when, _ in rows)
    click(2, ".looked")  # not looked at after all
    assert browser.run("document.getElementById('count').textContent") == "3 of 4 photos"
    assert browser.run("window.broken") is None
    assert browser.complaints == []


def test_without_pictures_the_page_says_so(tmp_path):
    doubts = list_doubts(predictions(30))
    write_sheet(tmp_path / "labels.html", doubts, ("beach", "wedding"), "about", None)
    text = (tmp_path / "labels.html").read_text()
    assert "<img" not in text
    assert "thumbnails=true makes one" in text
