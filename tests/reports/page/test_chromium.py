"""The page in a real headless Chromium: sorting, choosing, widths, and that nothing leaves the machine."""

import json

import pytest
from tests.reports.made import make_run, make_sweep, predictions
from tests.reports.test_texts import run  # noqa: F401  # a fixture

from thawline.reports.gather import gather
from thawline.reports.notebook import ComparisonView
from thawline.reports.page.document import write_page

SCROLLS = "document.documentElement.scrollWidth > innerWidth"
TABLE = "#board1 ~ .scroll table"


def column(browser, number, table=TABLE):
    """What stands in a column, from top to bottom."""
    return browser.run(
        f"[...document.querySelector({json.dumps(table)}).tBodies[0].rows].map((r) => r.cells[{number}].textContent)"
    )


def heading(browser, number, what):
    return browser.run(f"document.querySelector({json.dumps(TABLE)}).tHead.rows[0].cells[{number}].{what}")


@pytest.fixture
def page(browser, swept, tmp_path):
    file = tmp_path / "page.html"
    write_page(file, swept)
    browser.open(file)
    yield file
    assert browser.complaints == []
    assert browser.requests == [file.as_uri()]


def test_a_click_on_a_heading_sorts_and_another_turns_it(browser, page):
    ranks = column(browser, 0)
    assert ranks == ["1", "2", "3", "4", "5", "6"]
    accuracy = f"{TABLE} th:nth-child(2) button"
    browser.click(accuracy)
    assert column(browser, 0) == ranks
    assert heading(browser, 1, "ariaSort") == "descending"
    browser.click(accuracy)
    assert column(browser, 0) == ranks[::-1]
    assert heading(browser, 1, "ariaSort") == "ascending"
    browser.click(f"{TABLE} th:nth-child(4) button")  # method.lr, numbers among words
    assert column(browser, 3) == ["1", "1", "2", "2", "3", "3"]
    assert [heading(browser, number, "ariaSort") for number in (1, 3)] == ["none", "ascending"]
    # What has no value stays last in both orders: the best has no test against itself.
    for _ in range(2):
        browser.click(f"{TABLE} th:nth-child(7) button")
        assert column(browser, 6)[-1] == "-"


def test_the_keyboard_reaches_and_sorts(browser, page):
    browser.run(f"document.querySelector({json.dumps(TABLE)}).closest('.scroll').focus()")
    browser.key("Tab", 9)
    assert browser.run("document.activeElement.textContent") == "#"
    assert browser.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert browser.run("getComputedStyle(document.activeElement).outlineWidth") == "3px"
    browser.key("Tab", 9)
    browser.key("Enter", 13, "\r")
    assert heading(browser, 1, "ariaSort") == "descending"
    browser.key(" ", 32, " ")
    assert heading(browser, 1, "ariaSort") == "ascending"
    assert column(browser, 0) == ["6", "5", "4", "3", "2", "1"]
    assert browser.run("document.activeElement.textContent") == "accuracy"


def test_a_rank_leads_to_its_run_and_opens_it(browser, page):
    assert browser.run("document.querySelectorAll('details[open]').length") == 0
    browser.click(f"{TABLE} tbody tr:nth-child(2) a")
    assert browser.run("[...document.querySelectorAll('details[open]')].map((one) => one.id)") == ["board1-2"]
    browser.run("document.querySelector('#board1-3 summary').focus()")
    browser.key("Enter", 13, "\r")
    assert browser.run("document.getElementById('board1-3').open")


def test_in_a_notebooks_frame_it_sorts_and_its_links_stay_in_it(browser, swept, tmp_path):
    file = tmp_path / "notebook.html"
    file.write_text(f"<!doctype html><meta charset=utf-8>{ComparisonView(swept)._repr_html_()}")
    browser.open(file)
    inside = "document.querySelector('iframe').contentDocument"
    browser.run(f"{inside}.querySelector('{TABLE} th:nth-child(1) button').click()")
    browser.run(f"{inside}.querySelector('{TABLE} th:nth-child(1) button').click()")
    ranks = f"[...{inside}.querySelector('{TABLE}').tBodies[0].rows].map((row) => row.cells[0].textContent)"
    assert browser.run(ranks) == ["6", "5", "4", "3", "2", "1"]
    browser.run(f"{inside}.querySelector('{TABLE} tbody tr a').click()")
    browser.run("new Promise((done) => setTimeout(done, 200))")
    assert browser.run(f"[...{inside}.querySelectorAll('details[open]')].map((one) => one.id)") == ["board1-6"]
    assert browser.complaints == []
    assert [url for url in browser.requests if url != "about:srcdoc"] == [file.as_uri()]


def choose(browser, which, name):
    browser.run(
        f"(() => {{ const s = document.getElementById('{which}');"
        f"s.value = [...s.options].find((o) => o.text === {json.dumps(name)}).value;"
        "s.dispatchEvent(new Event('change')); })()"
    )


def test_two_configs_are_chosen_and_what_differs_is_shown(browser, page):
    choose(browser, "left", "a sweep: thaw=1 method.lr=1")
    choose(browser, "right", "a sweep: thaw=3 method.lr=2")
    assert browser.run("document.getElementById('differing').textContent") == "2 settings differ."
    assert column(browser, 0, "#difference table") == ["swept.thaw", "swept.method.lr"]
    assert column(browser, 1, "#difference table") == ["1", "1"]
    assert column(browser, 2, "#difference table") == ["3", "2"]
    choose(browser, "right", "a run")
    assert column(browser, 2, "#difference table") == [*["not in this config"] * 3, "0.5"]
    choose(browser, "right", "a sweep: thaw=1 method.lr=1")
    assert browser.run("document.getElementById('differing').textContent") == "This is the same config twice."
    assert browser.run("document.getElementById('difference').hidden")
    # With the keyboard too: an arrow goes to the choice beside it.
    here = browser.run("document.getElementById('right').selectedIndex")
    browser.run("document.getElementById('right').focus()")
    browser.key("ArrowUp", 38)
    assert browser.run("document.getElementById('right').selectedIndex") == here - 1
    assert browser.run("document.getElementById('differing').textContent") != "This is the same config twice."


def test_two_settings_are_chosen_and_their_test_is_said(browser, page):
    def say():
        return browser.run("document.querySelectorAll('.pair')[1].querySelector('[aria-live]').textContent")

    def pick(which, rank):
        select = f"document.querySelectorAll('.pair')[1].querySelectorAll('select')[{which}]"
        browser.run(f"{select}.value = {rank - 1}; {select}.dispatchEvent(new Event('change'))")

    assert "thaw=3 method.lr=3 and thaw=3 method.lr=2 cannot be told apart: the difference is +2.5 points" in say()
    pick(0, 6)
    assert "thaw=1 method.lr=1 and thaw=3 method.lr=2" in say() or "thaw=3 method.lr=2 and thaw=1 method.lr=1" in say()
    pick(1, 6)
    assert say() == "This is the same twice."


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_at_phone_width_only_tables_scroll(browser, page, scheme):
    browser.open(page, width=390, scheme=scheme)
    browser.run("document.querySelectorAll('details').forEach((one) => one.open = true)")
    assert browser.run("innerWidth") == 390
    assert not browser.run(SCROLLS)
    box = f"document.querySelector({json.dumps(TABLE)}).closest('.scroll')"
    assert browser.run(f"{box}.scrollWidth > {box}.clientWidth")
    assert browser.run(f"{box}.getBoundingClientRect().right") <= 390
    dark = browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 28)"
    assert dark == (scheme == "dark")


WIDE = "[...document.querySelectorAll('.scroll')].filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.ariaLabel)"


@pytest.mark.usefixtures("run")
def test_at_the_width_of_a_laptop_nothing_scrolls_sideways(browser, tmp_path):
    keys = ("method.name", "method.lr", "method.weight_decay", "thaw", "augmentation", "encoder")
    settings = {" ".join(f"{key}={key[:9]}{n}" for key in keys): 20 + n for n in range(3)}
    make_sweep(tmp_path / "2026-11-28_19-55-03-056904", settings)
    for number in range(2):
        said = predictions(30 + number, paths=[f"outer/{i:04}.jpg" for i in range(40)])
        path = tmp_path / f"2026-11-28_19-55-0{number}-056905"
        make_run(path, said, facts={"method": "finetune", "encoder": "vit_base_patch16_224_in21k"}, epochs=0, lr=number)
    file = tmp_path / "page.html"
    write_page(file, gather([tmp_path]))
    browser.open(file, width=1280)
    browser.run("document.querySelectorAll('details').forEach((one) => one.open = true)")
    assert not browser.run(SCROLLS)
    assert browser.run(WIDE) == []
    assert browser.run("document.querySelectorAll('table').length") > 10


def test_hostile_names_are_text(browser, hostile, tmp_path):
    file = tmp_path / "page.html"
    write_page(file, hostile)
    for width in (1280, 390):
        browser.open(file, width=width)
        browser.run("document.querySelectorAll('details').forEach((one) => one.open = true)")
        assert browser.run("typeof window.broken") == "undefined"
        assert not browser.run(SCROLLS)
        assert browser.complaints == []
        assert browser.requests == [file.as_uri()]
    assert browser.run("document.querySelectorAll('main script:not([type])').length") == 0
    assert browser.run("document.querySelectorAll('img').length") == 0
    said = browser.run("document.querySelector('#board0-1').textContent")
    assert "<script>window.broken=1</script>" in said
    assert "4 \\udcff no UTF-8" in browser.run("document.body.textContent")
    choose(browser, "left", browser.run("document.getElementById('left').options[1].text"))
    assert browser.run("typeof window.broken") == "undefined"
    assert '" onerror="window.broken=1" x="' in browser.run("document.getElementById('difference').textContent")
