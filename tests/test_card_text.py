"""Text of the EHR in a card: shown as text, whatever it holds."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as changed

from cds_service.cards import escape
from cds_service.cds_hooks.validation import validate_response
from cds_service.chart import Evidence
from tests.card_builders import answer, request_for
from tests.rules.builders import (
    OXYCODONE,
    chart,
    taken,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("oxycodone 5 mg [Roxicodone]", "oxycodone 5 mg (Roxicodone)"),
        ("0.5 ML buprenorphine", "0.5 ML buprenorphine"),
        ("a_b_c 5_mg", "a_b_c 5_mg"),
        ("*bold* __b__ _i_", r"\*bold\* \_\_b\_\_ \_i\_"),
        ("`code` ~~x~~", r"'code' \~\~x\~\~"),
        ("<b onclick=x>", "‹b onclick=x›"),
        ("a & b &lt;b&gt; &#60;", r"a & b \&lt;b\&gt; \&#60;"),
        ("# title", r"\# title"),
        ("- item", r"\- item"),
        ("---", r"\---"),
        ("1. first", r"1\. first"),
        ("2) second", r"2\) second"),
        ("> quote", "› quote"),
        ("a\n\nb\tc", "a b c"),
        ("back\\slash", "back\\\\slash"),
        ("http://evil.example www.evil.example", "http: //evil.example www .evil.example"),
        ("me@evil.example", "me at evil.example"),
        ("[x](javascript:y)", "(x)(javascript:y)"),
        ("in\u202evisible\u200b\x07", "invisible"),
    ],
)
def test_escaping(text: str, shown: str) -> None:
    assert escape(text) == shown


def test_very_long_text_is_cut() -> None:
    assert len(escape("x" * 5000)) == 120
    assert escape("x" * 5000).endswith("…")


ALIVE = ("<", ">", "`", "[", "]", "://", "@", "\n")


@given(
    st.text(alphabet=st.one_of(st.sampled_from("<>[]()`*_~#-+.1&;\\@:/w \n"), st.characters()), max_size=200)
)
def test_nothing_alive_survives(text: str) -> None:
    shown = escape(text)
    assert not [mark for mark in ALIVE if mark in shown]
    stripped = shown.replace("\\\\", "")
    assert "*" not in stripped.replace("\\*", "") and "~" not in stripped.replace("\\~", "")
    assert len(shown.splitlines()) <= 1


@given(st.text(alphabet=string.printable, max_size=80))
def test_evil_names_give_valid_cards(name: str) -> None:
    entry = changed(taken(OXYCODONE), evidence=Evidence(name, ("since 1 Jan 2026",), "medication list"))
    of = chart(exposures=(entry,))
    cards = answer(of)
    assert validate_response({"cards": cards}, request_for(of)) == []
