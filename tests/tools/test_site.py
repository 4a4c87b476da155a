"""The documentation as a site: built strictly, nothing loaded from elsewhere, no setting missing from its reference."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from filelock import FileLock
from omegaconf import OmegaConf
from tests.extras import require
from tests.reports.browser import CHROMIUM, Browser

from thawline.commands.line.settings import register_settings
from thawline.commands.line.verbs import VERBS
from thawline.commands.list_settings import settings_of

ROOT = Path(__file__).parents[2]
CONF = ROOT / "conf"
# What a browser loads by itself, and the attribute that says from where.
LOADING = {
    **dict.fromkeys(("script", "img", "iframe", "source", "video", "audio", "embed", "input", "track"), "src"),
    "link": "href",
    "object": "data",
}
pytestmark = [pytest.mark.extra, pytest.mark.long]


class Loaded(HTMLParser):
    """What a page loads, its anchors, and its paragraphs."""

    def __init__(self, page):
        super().__init__()
        self.addresses, self.anchors, self.paragraphs, self._within = [], set(), [], False
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        there = dict(attributes)
        self.anchors.add(there.get("id"))
        if address := there.get(LOADING.get(tag, "")):
            self.addresses.append(address)
        if tag == "p":
            self._within = True
            self.paragraphs.append("")

    def handle_endtag(self, tag):
        self._within = self._within and tag != "p"

    def handle_data(self, text):
        if self._within:
            self.paragraphs[-1] += text


@pytest.fixture(scope="module")
def site(everyones):
    """Built as `make docs` does; a warning fails it."""
    require("docs", "mkdocs", "material", "mkdocstrings")
    out, built = everyones / "site", everyones / "site is built"
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", out]
    with FileLock(everyones / "site.lock"):
        if not built.exists():
            done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            built.touch()
    return out


@pytest.fixture(scope="module")
def pages(site):
    return {page.relative_to(site).as_posix(): Loaded(page) for page in site.rglob("*.html")}


def test_nothing_is_loaded_from_elsewhere(site, pages):
    there = [address for page in pages.values() for address in page.addresses]
    assert len(there) > 500
    assert [address for address in there if re.match(r"(\w+:)?//|http", address)] == []
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert re.findall(r"@import|url\(\s*['\"]?(?:https?:)?//", styles) == []


def test_whatever_is_loaded_is_there(site, pages):
    for name, page in pages.items():
        folder = (site / name).parent
        for address in page.addresses:
            path = address.partition("#")[0].partition("?")[0]
            assert name == "404.html" or not path or path.startswith("data:") or (folder / path).exists(), (name, path)


def test_each_picture_is_shown_and_all_together_are_small(site, pages):
    pictures = {path.name for path in (site / "pictures").iterdir()}
    shown = {Path(address).name for page in pages.values() for address in page.addresses if "pictures/" in address}
    assert shown == pictures
    assert sum((site / "pictures" / name).stat().st_size for name in pictures) <= 1_500_000


def test_lists_are_lists(pages):
    """What Markdown takes for one paragraph, since no empty line stands before it."""
    lost = [text for page in pages.values() for text in page.paragraphs if re.search(r"\n(- |\d+\. |\| )", text)]
    assert lost == []


def in_conf():
    """Each file of conf that can be chosen, with the settings that it has of its own group."""
    for path in sorted(CONF.rglob("*/*.yaml")):
        group = path.parent.relative_to(CONF).as_posix()
        said = OmegaConf.load(path)
        yield group, path.stem, [str(key) for key in said.get(group, said) if key != "defaults"]


def test_every_choice_and_setting_of_conf_is_in_the_reference(pages):
    for group, name, keys in in_conf():
        if group == "hydra/sweeper":
            continue
        anchors = pages[f"reference/settings/{group.replace('/', '-')}.html"].anchors
        assert name in anchors, (group, name)
        if group in ("task", "experiment", "sweep/space"):  # shown as they are
            continue
        for key in (f"{group.replace('/', '.')}.{key}" for key in keys):
            assert any(one == key or str(one).startswith(f"{key}.") for one in anchors), key


def test_every_setting_of_every_verb_is_in_the_reference(pages):
    register_settings()
    anchors = {Path(name).stem: page.anchors for name, page in pages.items() if name.startswith("reference/settings/")}
    for config in {verb.config for verb in VERBS.values() if verb.config}:
        settings = settings_of(config)
        groups = {one.key.partition("@")[0] for one in settings if one.choices}
        for one in settings:
            group = next((group for group in groups if one.key.startswith(f"{group.replace('/', '.')}.")), None)
            if one.choices:
                assert one.key.partition("@")[0].replace("/", "-") in anchors
            elif group:
                assert one.key in anchors[group.replace("/", "-")]
            elif config == "train":
                assert one.key in anchors["index"]
            else:
                assert f"{config}.{one.key}" in anchors["verbs"]


def test_every_command_is_in_the_reference(pages):
    assert {name.replace(" ", "-") for name in VERBS} <= pages["reference/commands.html"].anchors


def test_the_search_finds_where_the_site_is_a_file(site, tmp_path):
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    browser = Browser(tmp_path)
    try:
        browser.open(site / "index.html")
        browser.run("document.querySelector('.md-search__input').focus()")
        for letter in "layer_decay":
            browser.key(letter, ord(letter.upper()), letter)
        found = browser.until("[...document.querySelectorAll('.md-search-result__link')].map((e) => e.href).join(' ')")
        assert "reference/settings/method.html" in found
        assert [address for address in browser.requests if not address.startswith(("file:", "data:", "blob:"))] == []
        assert browser.complaints == []
    finally:
        browser.close()
