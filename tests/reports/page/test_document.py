import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from PIL import Image
from tests.reports.made import make_run, predictions

from thawline.files import write_text
from thawline.reports.gather import gather
from thawline.reports.page.document import draw_page, write_page


class Elements(HTMLParser):
    """Every element with its attributes."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, name, attributes):
        self.found.append((name, dict(attributes)))


def test_the_page_runs_its_own_script_and_style_alone_and_names_no_address(hostile):
    page = draw_page(hostile)
    elements = Elements(page).found
    (policy,) = [a["content"] for n, a in elements if a.get("http-equiv") == "Content-Security-Policy"]
    for kind, inner in (
        ("script", re.search(r"<script>(.*)</script>", page, re.DOTALL)[1]),
        ("style", re.search(r"<style>(.*)</style>", page, re.DOTALL)[1]),
    ):
        digest = base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; img-src data:; ")
    assert "unsafe" not in policy
    assert not re.search(r"https?:|//[a-z]", re.sub(r"<(script|style)>.*?</\1>", "", page, flags=re.DOTALL))
    known = {"html", "head", "meta", "title", "style", "body", "header", "nav", "main", "section", "footer", "script"}
    known |= {"h1", "h2", "h3", "h4", "p", "ul", "ol", "li", "a", "strong", "span", "div", "bdi", "noscript"}
    known |= {"table", "thead", "tbody", "tr", "th", "td", "details", "summary", "label", "select", "option"}
    known |= {"figure", "figcaption", "svg", "g", "line", "path", "circle", "text", "title", "desc"}
    assert {name for name, _ in elements} <= known
    assert not [a for _, a in elements if any(key.startswith("on") or key == "style" for key in a)]
    assert all(a["href"].startswith("#") for n, a in elements if n == "a")


def test_the_same_comparison_gives_the_same_page_and_links_lead_somewhere(swept):
    page = draw_page(swept)
    assert page == draw_page(swept)
    ids = [a["id"] for _, a in Elements(page).found if "id" in a]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for n, a in Elements(page).found if n == "a"} <= set(ids)


def test_it_says_who_is_best_who_can_not_be_told_apart_and_what_failed(swept):
    page = draw_page(swept)
    assert "40 samples in 20 groups. The best run is <strong><bdi>a sweep</bdi></strong> with 90.0 %" in page
    settings = swept.boards[1]
    alike = sum(line.against_best.p_value >= 0.05 for line in settings.lines[1:])
    assert alike > 0
    assert f"Of the 5 others, {alike} cannot be told apart from it (paired test, p ≥ 0.05)." in page
    assert "trial 6 (thaw=4 method.lr=1e30) failed: RuntimeError: the loss became nan" in page
    assert 'data-value="1200.5">1,200.5</td>' in page
    for line in swept.lines:
        assert line.against_baseline.summary() in page


def photos_of(tmp_path, said):
    """A folder with a photo for each sample, with a place in its EXIF."""
    for i, path in enumerate(said.paths):
        file = tmp_path / "photos" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        image = Image.new("RGB", (400, 300), (6 * i, 80, 120))
        exif = image.getexif()
        exif[0x010E] = "secret place"
        image.save(file, exif=exif)
    return tmp_path / "photos"


def test_photos_are_shown_only_when_asked_for_and_without_their_exif(tmp_path):
    said = predictions(37)
    photos = photos_of(tmp_path, said)
    (photos / said.paths[38]).unlink()
    (photos / said.paths[39]).write_bytes(b"no photo")
    comparison = gather([make_run(tmp_path / "run", said, photos=photos)])
    plain = draw_page(comparison)
    assert "data:image" not in plain
    assert "this page holds no photo" in plain
    page = draw_page(comparison, thumbnails=True)
    (url,) = re.findall(r'<img src="data:image/jpeg;base64,([^"]*)" alt="photo wedding/0037.jpg">', page)
    picture = base64.b64decode(url)
    assert b"secret" not in picture
    assert len(picture) < 4000
    assert page.count("<img") == 1
    assert all(path in page for path in said.paths[37:])


def test_a_photo_outside_the_folder_is_never_embedded(tmp_path):
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (40, 30)).save(tmp_path / "private.jpg")
    said = predictions(0, samples=2, paths=["../private.jpg", str(tmp_path / "private.jpg")])
    comparison = gather([make_run(tmp_path / "run", said, photos=tmp_path / "photos")])
    assert "<img" not in draw_page(comparison, thumbnails=True)


def test_the_worst_mistakes_come_first_each_once(tmp_path):
    said = predictions(20)
    probabilities = said.probabilities.copy()
    probabilities[33], probabilities[34] = (0.99, 0.01), (0.02, 0.98)
    run = make_run(tmp_path / "run", replace(said, probabilities=probabilities))
    page = draw_page(gather([run]))
    listed = re.search(r'<ol class="mistakes">(.*?)</ol>', page)[1]
    found = re.findall(r"<li>.*?</li>", listed)
    assert len(found) == 8
    assert [re.sub("<.*?>", "", one) for one in found[:2]] == [
        "wedding, called beach with 99 %: wedding/0033.jpg",
        "beach, called wedding with 98 %: beach/0034.jpg",
    ]


def test_of_many_classes_the_most_frequent_confusions_are_listed(tmp_path):
    classes = [f"class {i}" for i in range(25)]
    page = draw_page(gather([make_run(tmp_path / "run", predictions(30, samples=50, classes=classes))]))
    assert "25 classes; the most frequent confusions." in page
    assert page.count('<table class="confusion">') == 1
    rows = re.search(r'<table class="confusion">.*?<tbody>(.*?)</tbody>', page)[1]
    assert rows.count("<tr>") == 12


def test_the_page_is_written_whole_or_not_at_all(tmp_path, swept, monkeypatch):
    file = tmp_path / "deep" / "page.html"
    write_page(file, swept)
    before = file.read_bytes()
    assert before.decode() == draw_page(swept)
    monkeypatch.setattr("thawline.reports.page.document.write_text", lambda path, _: write_text(path, "x\ud800"))
    with pytest.raises(UnicodeEncodeError):
        write_page(file, swept)
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]
