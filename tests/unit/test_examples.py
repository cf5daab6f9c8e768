"""Examples in docstrings: they exist, and every test run executes them."""

from __future__ import annotations

import ast
import doctest
import importlib
from pathlib import Path

import pytest

import sparkify

PACKAGE = Path(sparkify.__file__).parent

# The number of example statements in each module that has examples.
EXAMPLES = {
    "sparkify.cli.times": 2,
    "sparkify.cli.writing": 1,
    "sparkify.config.dwhcfg": 2,
    "sparkify.config.secrets": 5,
    "sparkify.databases.rows": 1,
    "sparkify.etl.escaping": 3,
    "sparkify.etl.html": 1,
    "sparkify.etl.retention": 1,
    "sparkify.etl.values": 1,
    "sparkify.generate": 3,
    "sparkify.generate.chance": 1,
    "sparkify.generate.lines": 1,
    "sparkify.models.match": 1,
    "sparkify.provision.passwords": 2,
    "sparkify.redshift.copy": 3,
    "sparkify.redshift.grants": 1,
    "sparkify.redshift.session": 2,
    "sparkify.redshift.unload": 4,
}


def examples(name: str) -> int:
    # Not "import sparkify.redshift.copy": the package exports names, and this must be the module itself.
    found = doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(name), name)
    return sum(len(test.examples) for test in found)


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_docstrings_of_module_have_examples(name: str) -> None:
    assert examples(name) == EXAMPLES[name]


def test_every_module_with_examples_is_listed() -> None:
    found = set()
    for path in PACKAGE.rglob("*.py"):
        if ">>> " not in (text := path.read_text(encoding="utf-8")):
            continue
        nodes = ast.walk(ast.parse(text))
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        texts = [ast.get_docstring(node) or "" for node in nodes if isinstance(node, documented)]
        if any(">>> " in text for text in texts):
            parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
            found.add(".".join(parts).removesuffix(".__init__"))
    assert found == set(EXAMPLES)


def test_plain_pytest_runs_the_examples(pytestconfig: pytest.Config) -> None:
    assert pytestconfig.getoption("doctestmodules")
    assert "sparkify" in pytestconfig.getini("testpaths")
