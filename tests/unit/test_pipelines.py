"""Pipelines named by an option, the environment or pyproject.toml: found and imported, or rejected."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sparkify import ConfigurationError
from sparkify.config.pipelines import find_pipeline, load_pipeline
from sparkify.pipeline import SPARKIFY

SHOP = "from sparkify.pipeline import SPARKIFY\nPIPELINE = SPARKIFY\nNUMBER = 5\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project with a module and an empty folder below it, which is the working directory."""
    monkeypatch.delenv("SPARKIFY_PIPELINE", raising=False)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "below").mkdir()
    (tmp_path / "a_shop.py").write_text(SHOP)
    (tmp_path / "below" / "b_shop.py").write_text(SHOP)
    (tmp_path / "pyproject.toml").write_text('[tool.sparkify]\npipeline = "a_shop:PIPELINE"\n')
    monkeypatch.chdir(tmp_path / "below")
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        if "shop" in name:
            del sys.modules[name]


def test_find_pipeline_option_overrides_environment_overrides_file(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = find_pipeline(None)
    assert found is not None
    assert (found.reference, found.folder) == ("a_shop:PIPELINE", project)
    assert found.origin == f"{project / 'pyproject.toml'} [tool.sparkify]"
    monkeypatch.setenv("SPARKIFY_PIPELINE", "b_shop:PIPELINE")
    found = find_pipeline("")
    assert found is not None
    assert (found.reference, found.folder) == ("b_shop:PIPELINE", project / "below")
    assert found.origin == "environment SPARKIFY_PIPELINE"
    found = find_pipeline("c:D")
    assert found is not None
    assert (found.reference, found.origin) == ("c:D", "option")
    monkeypatch.setenv("SPARKIFY_PIPELINE", "")
    found = find_pipeline()
    assert found is not None
    assert found.reference == "a_shop:PIPELINE"


def test_find_pipeline_stops_at_first_project_file(project: Path) -> None:
    (project / "below" / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert find_pipeline() is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[tool.sparkify\n", r"pyproject.toml: is not TOML: .*line 1"),
        ("[tool.sparkify]\npipeline = 3\n", r"pyproject.toml: pipeline of \[tool.sparkify\] is not a string"),
    ],
)
def test_find_pipeline_refuses_bad_project_file(project: Path, text: str, found: str) -> None:
    (project / "pyproject.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=found):
        find_pipeline()


@pytest.mark.parametrize("text", ["tool = 3\n", "[tool]\nsparkify = 3\n", "[tool.sparkify]\npipeline = ''\n"])
def test_find_pipeline_ignores_project_file_of_others(project: Path, text: str) -> None:
    (project / "pyproject.toml").write_text(text)
    assert find_pipeline() is None


def test_load_pipeline_imports_from_folder_of_project_file() -> None:
    assert "a_shop" not in sys.modules
    found = find_pipeline()
    assert found is not None
    assert load_pipeline(found) is SPARKIFY
    assert load_pipeline("b_shop:PIPELINE") is SPARKIFY


def test_load_pipeline_prefers_its_folder(project: Path) -> None:
    (project / "below" / "a_shop.py").write_text("raise RuntimeError('the wrong one')")
    sys.path[:0] = [str(project / "below"), str(project)]
    found = find_pipeline()
    assert found is not None
    assert load_pipeline(found) is SPARKIFY


@pytest.mark.parametrize(
    ("reference", "found", "hint"),
    [
        ("b_shop", "is not of the form module:name", "shop.warehouse:PIPELINE"),
        ("b_shop.py:PIPELINE:x", "is not of the form module:name", "shop.warehouse:PIPELINE"),
        ("no_shop:PIPELINE", "there is no module no_shop", "below and among the installed packages"),
        ("b_shop.deeper:PIPELINE", "there is no module b_shop.deeper", "installed packages"),
        ("b_shop:PIPE", "module b_shop has no PIPE", "It has b_shop:SPARKIFY, b_shop:PIPELINE."),
        ("b_shop:NUMBER", "is of type int, not a Pipeline of sparkify", None),
        ("needy_shop:P", "module needy_shop cannot be imported: No module named 'no_such_package'", None),
        ("broken_shop:P", "module broken_shop cannot be imported: ValueError: a column is missing", None),
    ],
)
def test_load_pipeline_says_what_is_wrong(project: Path, reference: str, found: str, hint: str | None) -> None:
    (project / "below" / "needy_shop.py").write_text("import no_such_package")
    (project / "below" / "broken_shop.py").write_text("raise ValueError('a column is missing')")
    with pytest.raises(ConfigurationError) as stopped:
        load_pipeline(reference)
    assert stopped.value.where == f"pipeline {reference} (option)"
    assert stopped.value.found == found
    assert (hint or "") in (stopped.value.hint or "")
    assert hint is not None or stopped.value.hint is None
    assert stopped.value.exit_code == 2


def test_load_pipeline_says_what_does_not_fit_together_in_it(project: Path) -> None:
    declared = "from dataclasses import replace\nfrom sparkify.pipeline import SPARKIFY\nP = replace(SPARKIFY, "
    (project / "below" / "wrong_shop.py").write_text(f"{declared}sources=SPARKIFY.sources[:1])")
    with pytest.raises(ConfigurationError) as stopped:
        load_pipeline("wrong_shop:P")
    assert str(stopped.value) == "checksum of songs: reads has 'songs', which is none of the sources: events"
