"""A document read member by member, and what is wrong with one that cannot be."""

from __future__ import annotations

import pytest

from cds_service.cds_hooks.envelope import read_envelope
from cds_service.errors import InvalidJSON


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "The body is empty"),
        (b" \n", "The body is empty"),
        (b"\xff", "The body is not UTF-8"),
        (b'{"hook": ', "The body is not valid JSON: it ends too early"),
        (b'{"hook" 1}', "The body is not valid JSON: expected ':' (byte 8)"),
        (b'{"context": {"a": 1, }}', "The body is not valid JSON: trailing comma in object (byte 21)"),
        (b"[1]", "Expected an object"),
        (b'"text"', "Expected an object"),
        (b'{"a": 1, "a": 2}', "A key occurs twice in one object"),
        (b'{"a": {}, "a": "2"}', "A key occurs twice in one object"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(body: bytes, said: str) -> None:
    with pytest.raises(InvalidJSON) as refused:
        read_envelope(body)
    assert (str(refused.value), refused.value.path) == (said, "$")


def test_a_mark_of_byte_order_is_passed_over() -> None:
    assert read_envelope(b'\xef\xbb\xbf{"hook": "order-sign"}').text("hook") == "order-sign"
