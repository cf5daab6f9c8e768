"""The package: its exported names, and what it may import."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import sparkify.redshift

PACKAGE = Path(sparkify.redshift.__file__).parent


def test_every_exported_name_is_there_and_sorted() -> None:
    names = sparkify.redshift.__all__
    assert list(names) == sorted(names)
    assert dir(sparkify.redshift) == list(names)
    for name in names:
        assert getattr(sparkify.redshift, name).__name__ == name
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = sparkify.redshift.nothing


def test_it_imports_nothing_else_of_the_project() -> None:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
                assert node.level == 0, f"{path.name}: a relative import"
            for name in names:
                assert not re.match(r"sparkify(?!\.redshift\b)", name), f"{path.name} imports {name}"
