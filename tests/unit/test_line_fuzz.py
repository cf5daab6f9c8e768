"""Randomly mutated lines, on which all readers must agree. See :mod:`tests.support.line_fuzz`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from sparkify.databases.duckdb import reading
from sparkify.etl import line_rules
from sparkify.etl.lax_json import strict
from sparkify.pipeline.declaration import EVENTS
from tests.support.line_fuzz import Fuzz, oracle
from tests.unit.test_lines import ACCEPTED, REJECTED

LINES = 3_000


def kinds_of_disagreement(folder: Path, lines: int = LINES, seed: int = 7) -> set[str]:
    return {one.what for one in Fuzz(folder, seed=seed).run(lines).disagreements}


def test_no_mutated_line_has_two_answers(tmp_path: Path) -> None:
    report = Fuzz(tmp_path, seed=7).run(LINES)
    assert report.disagreements == [], report.as_json()
    # Every kind of line occurred.
    kinds = ("JSON, accepted", "JSON, rejected", "no JSON, rejected", "lax", "read alone")
    assert min(report.kinds[kind] for kind in kinds) >= 10


def test_reader_that_lets_constants_pass_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "CONSTANTS", ("no constant", "nor this"))
    assert kinds_of_disagreement(tmp_path) == {"reader accepts"}


def test_validation_of_other_bounds_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_rules._TextRule, "refuse_value", lambda _rule, _value: None)
    assert "validation" in kinds_of_disagreement(tmp_path)


def test_altered_value_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_text", reading.quoted)
    # Other seeds may produce an id of blanks only, which such a reader accepts.
    assert kinds_of_disagreement(tmp_path, seed=2) == {"altered"}


@pytest.mark.parametrize("name", ACCEPTED)
def test_oracle_accepts_line(name: str) -> None:
    assert oracle(EVENTS, strict(ACCEPTED[name])) is not None


@pytest.mark.parametrize("name", REJECTED)
def test_oracle_rejects_line(name: str) -> None:
    with suppress(ValueError):
        assert oracle(EVENTS, REJECTED[name][0]) is None
