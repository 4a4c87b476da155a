"""The page in a real headless Chromium: judging by key and button, undo, versions, a phone, a token."""

import os

import pytest
from PIL import Image
from sqlalchemy import select
from tests.reports.page.conftest import browser  # noqa: F401  # a fixture
from tests.tasks.preference.page.conftest import NAMES

from thawline.versions.jobs import finish_job, start_job, update_job
from thawline.versions.schema import Feedback

TOKEN = "a-long-token"  # noqa: S105  # of this test alone
SHOWN = "document.querySelector('#photo').complete && document.querySelector('#photo').naturalWidth > 0"


def text(browser, selector):  # noqa: F811  # a fixture
    return browser.run(f"document.querySelector('{selector}').innerText")


def told(browser, selector, words):  # noqa: F811
    browser.until(f"document.querySelector('{selector}').innerText.includes({words!r})")


@pytest.fixture
def page(browser, client):  # noqa: F811
    browser.open(f"{client.base_url}/")
    browser.run("localStorage.clear(); sessionStorage.clear()")
    browser.open(f"{client.base_url}/")
    browser.until(SHOWN)
    yield browser
    # The browser itself notes what the gate refuses.
    assert [one for one in browser.complaints if "409" not in str(one)] == []
    assert all(one.startswith((str(client.base_url), "blob:", "data:", "about:")) for one in browser.requests)


def kept(registry):
    with registry.database.reading() as session:
        rows = session.scalars(select(Feedback).order_by(Feedback.id))
        return [(row.answer, row.retracted_at is not None) for row in rows]


def test_photos_are_judged_by_keys_and_buttons_and_answers_are_undone(page, registry):
    assert "Train (0 new answers)" in text(page, "#train")
    first = text(page, "#name")
    page.key("3", 51, "3")
    told(page, "#status", f"Super-liked {first}.")
    told(page, "#train", "1 new answer)")
    page.click("[data-answer=dislike]")
    told(page, "#counts", "1 disliked, 0 liked, 1 super-liked; 2 left")
    second = page.run("document.querySelector('#status').innerText")
    page.until("!document.querySelector('#undo').disabled")
    page.key("u", 85, "u")
    told(page, "#status", "is undone")
    assert text(page, "#name") in second
    assert kept(registry) == [("super_like", False), ("dislike", True)]
    for key in "222":
        page.key(key, 50, key)
    told(page, "#nothing", "Every photo has your answer")
    page.until("document.querySelector('#undo').disabled === false")
    assert sorted(kept(registry)) == sorted([("super_like", False), ("dislike", True), *[("like", False)] * 3])
    assert page.run("window.broken") is None
    assert {first} <= set(NAMES)


def test_an_answer_waits_until_the_service_has_it(page, registry):
    page.run("window.real = window.fetch; window.fetch = () => Promise.reject(new TypeError('no network')); 1")
    page.key("2", 50, "2")
    told(page, "#status", "Not saved yet: 1 answer")
    assert kept(registry) == []
    assert page.run("JSON.parse(localStorage.getItem('waiting')).length") == 1
    page.run("window.fetch = window.real; 1")
    told(page, "#status", "Liked")
    assert kept(registry) == [("like", False)]
    assert page.run("localStorage.getItem('waiting')") == "[]"


def test_versions_are_activated_past_the_gate_and_rolled_back(page, registry):
    rows = page.run("[...document.querySelectorAll('#versions tbody tr')].map((row) => row.innerText)")
    assert [row.split()[0] for row in rows] == ["v2", "v1"]
    assert "active" in rows[1]
    page.click("[aria-label='Activate v2']")
    page.until("document.querySelector('#changed').innerText !== ''")
    if registry.active().number == 1:
        page.click("#changed button")
    told(page, "#changed", "v2 is active")
    told(page, "#model", "v2 answers now")
    page.click("#rollback")
    told(page, "#changed", "v1 is active")
    assert registry.active().number == 1


def test_two_versions_pick_in_turn_and_their_rates_are_shown(page, registry):
    assert page.run("[first.value, second.value]") == ["1", "2"]
    page.click("#between-form button")
    told(page, "#why", "picked in turn by v1 and v2")
    told(page, "#compared", "There are no answers to the picks of both yet.")
    page.until(SHOWN)
    for _ in range(4):
        page.key("2", 50, "2")
    told(page, "#compared", "v1 and v2 cannot be told apart")
    said = text(page, "#compared")
    assert "v1: likes over likes and dislikes 100.0 % [34.2, 100.0]" in said
    assert kept(registry) == [("like", False)] * 4
    page.click("#between-stop")
    page.until("document.querySelector('#compared').innerText === '' && document.querySelector('#between-stop').hidden")
    # One version against itself is no comparison.
    page.run("second.value = '1'; 1")
    page.click("#between-form button")
    told(page, "#changed", "Choose two different versions")


def test_a_training_is_followed_until_it_ends(page, registry, client):
    with registry.database.session() as session:
        job = start_job(session, {}, pid=os.getpid()).id
        update_job(session, job, running=True, epoch=3, loss=0.5)
    page.open(f"{client.base_url}/")
    told(page, "#training", "Training 1 is running: epoch 3, loss 0.500.")
    assert page.run("document.querySelector('#train').disabled && !document.querySelector('#progress').hidden")
    with registry.database.session() as session:
        update_job(session, job, epoch=4, loss=0.25, accuracy=0.75)
    told(page, "#training", "epoch 4, loss 0.250, accuracy 75.0 %.")
    with registry.database.session() as session:
        finish_job(session, job, registry.find(2))
    told(page, "#training", "Training 1 is completed")
    told(page, "#training", "It made v2.")
    page.until("document.querySelector('#progress').hidden")


def test_a_simulation_is_shown_with_what_it_came_to(page, registry, client):
    assert page.run("document.querySelector('#simulation').hidden")
    folder = registry.root.parent / "simulate" / "2026-01-01"
    folder.mkdir(parents=True)
    Image.new("RGB", (60, 40)).save(folder / "curves.png")
    (folder / "simulation.json").write_text('{"verdict": "badge beats random."}')
    page.open(f"{client.base_url}/")
    page.until("document.querySelector('#plot').naturalWidth === 60")
    assert text(page, "#verdict") == "badge beats random."


def test_all_controls_have_names_and_are_reached_by_the_keyboard(page):
    tree = page._call("Accessibility.getFullAXTree")["nodes"]
    controls = [one for one in tree if one.get("role", {}).get("value") in ("button", "combobox", "image", "table")]
    names = [one.get("name", {}).get("value", "") for one in controls if not one["ignored"]]
    assert {"Activate v2", "Undo U", "Roll back"} <= set(names)
    assert "" not in names
    usable = "button:enabled, select:enabled"
    wanted = page.run(f"[...document.querySelectorAll('{usable}')].filter((one) => one.offsetParent).length")
    page.run("window.reached = new Set(); addEventListener('focusin', (event) => reached.add(event.target)); 1")
    for _ in range(wanted + 2):
        page.key("Tab", 9)
    assert page.run(f"[...reached].filter((one) => one.matches('{usable}')).length") == wanted


def test_on_a_phone_nothing_is_wider_than_the_screen(page, client):
    page.open(f"{client.base_url}/", width=375, height=800)
    page.until(SHOWN)
    assert page.run("document.documentElement.scrollWidth") <= 375
    shown = "[...document.querySelectorAll('button, select')].filter((one) => one.offsetParent)"
    sizes = page.run(f"{shown}.map((one) => one.getBoundingClientRect().height)")
    assert min(sizes) >= 44


def test_off_the_machine_the_page_asks_for_the_token_once(browser, serve, registry):  # noqa: F811
    with serve(token=TOKEN) as client:
        browser.open(f"{client.base_url}/")
        browser.until("!document.querySelector('#token-form').hidden")
        browser.run(f"document.querySelector('#token').value = {TOKEN!r}; 1")
        browser.click("#token-form button")
        browser.until(SHOWN)
        browser.open(f"{client.base_url}/")
        browser.until(SHOWN)
        assert browser.run("document.querySelector('#token-form').hidden")
