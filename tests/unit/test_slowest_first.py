"""The slowest test files run first."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tests import conftest
from tests.support.paths import CLONE


def item(path: str, name: str) -> Any:
    return SimpleNamespace(path=CLONE / path, name=name)


def test_slowest_files_are_there() -> None:
    assert [name for name in conftest.SLOWEST if not (CLONE / "tests" / name).is_file()] == []


def test_slow_files_come_first_and_the_others_keep_their_order() -> None:
    slow, slower = (f"tests/{conftest.SLOWEST[place]}" for place in (3, 0))
    items = [item("tests/unit/a.py", "1"), item(slow, "2"), item("sparkify/b.py", "3"), item(slower, "4")]
    items.append(item("tests/unit/a.py", "5"))
    conftest.pytest_collection_modifyitems(items)
    assert [found.name for found in items] == ["4", "2", "1", "3", "5"]
