"""CSV for spreadsheets and JSON for terminals: no text acts as a formula or a control sequence."""

from __future__ import annotations

import json

import pytest

from sparkify.etl.values import csv_line, json_text

HOSTILE = ["=HYPERLINK(1)", "+cmd", "-1+cmd", "@SUM(1)", " =1", "\t=1", "\r=1", "\uff1d1"]


@pytest.mark.parametrize("text", HOSTILE)
def test_csv_safe_writes_an_apostrophe_before_a_formula(text: str) -> None:
    assert csv_line((text,), safe=True).strip('"') == f"'{text}"
    assert csv_line((text,)).strip('"') == text


def test_csv_safe_leaves_numbers_and_other_texts() -> None:
    assert csv_line((-1, -1.5, "a=1", "", None), safe=True) == '-1,-1.5,a=1,"",'


def test_json_escapes_what_acts_on_a_terminal() -> None:
    text = "a\x1b\x9b\x85\u202e\u2066ä"
    assert json_text(text) == '"a\\u001b\\u009b\\u0085\\u202e\\u2066ä"'
    assert json.loads(json_text(text)) == text
