import json
import re

from hypothesis import given
from hypothesis import strategies as st

from thawline.html import data_block, join, name, tag, text

anything = st.text(st.characters(exclude_categories=()))  # lone surrogates too, as names of files have them


@given(anything)
def test_no_text_ends_an_element_or_an_attribute(raw):
    said = text(raw)
    assert not set('<>"') & set(said)
    assert "'" not in said
    said.encode("utf-8")
    assert re.fullmatch('<td title="[^"<>]*"></td>', tag("td", title=raw))


@given(anything)
def test_a_data_block_holds_what_it_was_given_and_no_markup(raw):
    block = data_block("x", {"name": raw})
    inner = block.removeprefix('<script type="application/json" id="x">').removesuffix("</script>")
    assert not set("<>&") & set(inner)
    assert json.loads(inner) == {"name": raw}


def test_elements_are_written_as_html_has_them():
    assert tag("p", "a<b", tag("b", "c"), None) == "<p>a&lt;b<b>c</b></p>"
    assert tag("td", class_="x", data_value=0, hidden=True, open_=False, title=None) == (
        '<td class="x" data-value="0" hidden></td>'
    )
    assert tag("meta", charset="utf-8") == '<meta charset="utf-8">'
    assert tag("line", x1=1) == '<line x1="1"/>'
    assert join("<", None, tag("i")) == "&lt;<i></i>"


def test_a_name_can_not_turn_what_stands_beside_it():
    assert name("\u202egpj.exe\u2066") == "<bdi>\ufffdgpj.exe\ufffd</bdi>"
    assert name("été 🎂 عيد") == "<bdi>été 🎂 عيد</bdi>"
    assert name("a\udcff\x00b") == "<bdi>a\ufffd\ufffdb</bdi>"
