"""The page of a library: that nothing on it breaks out, and that it works, in a real headless Chromium."""

import json
import re
import shutil
from html.parser import HTMLParser

import pytest
from PIL import Image
from tests.reports.browser import CHROMIUM, Browser

from thawline.cli import main
from thawline.tasks.library.page.network import Network, draw_network, places
from thawline.tasks.library.training.settings import LibraryTrainSettings
from thawline.tasks.library.training.train import train_library

HTML = "<img src=x onerror=pwned=1>"
TURNED = "photo\u202egpj.exe\u2066\u200f"
BAD = [
    *(5, None, "text", [], {"image_path": "x"}, {"id": 1}, {"id": [1], "image_path": "x"}),
    {"id": HTML, "image_path": "x", "description": f"</script><script>pwned=1</script>{HTML}", "meta_tags": ["ok"]},
    {"id": f"a{TURNED}", "image_path": "x"},
    {"id": "t1", "image_path": "x", "meta_tags": [HTML, "tag & <co>", "a\u202eb", 7, "", None]},
    {"id": "t2", "image_path": "x", "meta_tags": {"a": 1}},
    {"id": "t3", "image_path": "x", "meta_tags": ["x" * 101]},
    {"id": "d1", "image_path": "x", "description": 7},
    {"id": "d2", "image_path": "x", "description": "y" * 1_000_000},
    {"id": "d3", "image_path": "x", "description": TURNED},
    {"id": "d4", "image_path": "x", "description": "\ud800"},
    {"id": "d5", "image_path": "x", "description": "bell\x07\x1b[31m"},
    {"id": "f1", "image_path": "x", "face_encodings": [[float("nan"), 1.0, 0.0]]},
    {"id": "f2", "image_path": "x", "face_encodings": [[float("inf"), 1.0, 0.0]]},
    {"id": "f3", "image_path": "x", "face_encodings": [[1.0]]},
    {"id": "f4", "image_path": "x", "face_encodings": [1.0, 2.0]},
    {"id": "f5", "image_path": "x", "face_encodings": "<b>no</b>"},
    {"id": "f6", "image_path": "x", "face_encodings": [[0.0, 0.0, 0.0]]},
    {"id": "c1", "image_path": "x", "created_at": "soon"},
    {"id": "c2", "image_path": "x", "location": HTML, "meta_tags": ["sea"]},
    {"id": 0, "image_path": "twice"},
    {"id": "p1", "image_path": f"../{HTML}\x00"},
]

ELEMENTS = frozenset(
    re.findall(
        r"\w+",
        "html head meta title style body header h1 h2 h3 p nav ul li a main section div table thead tbody tr th td bdi "
        "details summary fieldset legend label input select option span img button pre code noscript script figure svg "
        "line g circle text footer",
    )
)


class Elements(HTMLParser):
    """The elements of a page, and their attributes."""

    def __init__(self, text):
        super().__init__()
        self.names, self.attributes = set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("library")
    Image.new("RGB", (300, 200), "teal").save(folder / "photo.jpg")
    rows = [
        {
            "id": number,
            "image_path": "photo.jpg",
            "meta_tags": ["sea", "sand"] if number % 2 else ["dog"],
            "description": "" if number < 3 else f"A walk with the dog number {number}",
            "face_encodings": [[1.0, number / 1000, 0.0] if number % 3 else [0.0, 1.0, number / 1000]],
        }
        for number in range(14)
    ]
    (folder / "library.json").write_text(json.dumps([*rows, *BAD]), encoding="utf-8")
    train_library(LibraryTrainSettings(file=str(folder / "library.json"), out=str(folder / "learnt")))
    main(["library", "name", str(folder / "learnt"), "1", "Ann'a <b>O</b>\u05d0"])
    main(["library", "page", str(folder / "learnt")])
    return folder / "learnt"


def test_bad_entries_are_escaped_and_none_is_an_element(library):
    assert len(BAD) >= 25
    text = (library / "library.html").read_text(encoding="utf-8")
    found = Elements(text)
    assert found.names <= ELEMENTS
    assert not {name for name in found.attributes if name.startswith("on")}
    assert not re.search("[\x00-\x08\x0b-\x1f\u200e\u200f\u202a-\u202e\u2066-\u2069]", text)
    assert "&lt;img src=x onerror=pwned=1&gt;" in text
    skipped = json.loads((library / "skipped.json").read_bytes())
    assert len(skipped) > 24
    assert all(re.sub("[<>&'\"].*", "", one["reason"]) in text for one in skipped)


def test_it_works_with_mouse_and_keyboard_and_on_a_phone(library, tmp_path):
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    browser = Browser(tmp_path)
    try:
        browser.open(library / "library.html", width=390)
        assert not browser.run("document.documentElement.scrollWidth > innerWidth")
        assert browser.run("typeof pwned") == "undefined"
        assert browser.run("[...document.images].every((one) => one.naturalWidth > 0)")
        assert browser.run("document.images.length") == 14
        assert browser.run("document.querySelector('#commands').textContent") == ""
        sheet = "[data-person='1']"
        browser.run(f'document.querySelector("{sheet} input[type=text]").select()')
        browser.run("document.execCommand('insertText', false, \"Zoe d'Arc\")")
        browser.click("[data-person='2'] input[type=checkbox]")
        face = browser.run("document.querySelector(\"[data-person='2'] input\").value")
        told = browser.run("document.querySelector('#commands').textContent").splitlines()
        directory = str(library)
        assert sorted(told) == sorted(
            [
                f"thawline library name {directory} 1 'Zoe d'\"'\"'Arc'",
                f"thawline library split {directory} 2 '{face}'",
            ]
        )
        # Every control has a name for who can't see it, and the keyboard reaches all.
        assert browser.run("[...document.querySelectorAll('input, select')].every((one) => one.labels.length)")
        assert browser.run("[...document.querySelectorAll('[role=region], [role=img]')].every((one) => one.ariaLabel)")
        assert browser.run("document.querySelectorAll('[tabindex]:not([tabindex=\"0\"])').length") == 0
        assert browser.complaints == []
        assert all(url.startswith(("file:", "data:")) for url in browser.requests)
    finally:
        browser.close()


def test_without_pictures_and_elsewhere(library, tmp_path, capsys):
    main(["library", "page", str(library), "thumbnails=false", f"out={tmp_path / 'a page.html'}", "most_people=1"])
    text = (tmp_path / "a page.html").read_text(encoding="utf-8")
    assert "data:image" not in text.replace("img-src data:", "")
    assert "1 further people are not shown." in text
    assert "1 of 2 people" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main(["library", "page", str(tmp_path)])
    assert ended.value.code == 2
    assert "has no training_report.json; run thawline library train" in " ".join(capsys.readouterr().err.split())


def test_a_page_goes_when_a_person_is_forgotten(library):
    main(["library", "page", str(library)])
    main(["library", "forget", str(library), "2"])
    assert not (library / "library.html").exists()


def test_tags_that_come_together_stand_together():
    network = Network("abcdef", [9, 8, 7, 6, 5, 4], [(0, 1, 5, 3.0), (1, 2, 5, 3.0), (3, 4, 5, 3.0)])
    at = places(network)
    assert (at == places(network)).all()
    apart = ((at[:, None] - at[None]) ** 2).sum(axis=2) ** 0.5
    assert max(apart[0, 1], apart[1, 2], apart[3, 4]) < min(apart[0, 3], apart[1, 4], apart[2, 3])
    assert at.min() >= 0
    assert at.max() <= 1
    assert draw_network(Network([], [], [])) == '<p class="note">No entry has a tag.</p>'
    assert "<circle" in draw_network(Network(["alone"], [1], []))


@pytest.mark.parametrize(
    ("name", "text"),
    [("training_report.json", "[1]"), ("category_patterns.json", '{"common_tags": 5}'), ("skipped.json", "{}")],
)
def test_files_of_another_kind_are_one_sentence(library, tmp_path, capsys, name, text):
    folder = tmp_path / "learnt"
    shutil.copytree(library, folder)
    (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        main(["library", "page", str(folder)])
    assert ended.value.code == 2
    assert "damaged" in capsys.readouterr().err
