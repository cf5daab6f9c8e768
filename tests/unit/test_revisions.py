"""The newest revision of a migrations folder, read without Alembic and compared with Alembic."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from sparkify.etl.declarations import Pipeline
from sparkify.etl.errors import ConfigurationError
from sparkify.pipeline import SPARKIFY
from sparkify.warehouse.revisions import head_of
from tests.support.data import HEAD
from tests.support.shop import SHOP


def folder(tmp_path: Path, *files: str) -> Pipeline:
    """A pipeline whose migrations are these texts."""
    versions = tmp_path / "versions"
    versions.mkdir()
    for number, text in enumerate(files):
        (versions / f"{number}_x.py").write_text(text)
    return replace(SPARKIFY, migrations=tmp_path)


def no_alembic(*_arguments: object) -> None:
    raise AssertionError("Alembic was asked")


@pytest.mark.parametrize(("pipeline", "head"), [(SPARKIFY, HEAD), (SHOP, "s001")], ids=["sparkify", "shop"])
def test_head_of_own_pipelines(pipeline: Pipeline, head: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ScriptDirectory(str(pipeline.migrations)).get_current_head() == head
    monkeypatch.setattr(ScriptDirectory, "get_current_head", no_alembic)
    assert head_of(pipeline) == head


FIRST = 'revision = "1a"\ndown_revision = None\n'
READ = {
    "one": ([FIRST], "1a"),
    "by the template of Alembic": (
        [
            FIRST,
            '"""x\n\nRevision ID: 2b\nRevises: 1a\n"""\nfrom typing import Sequence, Union\n'
            "revision: str = '2b'\ndown_revision: Union[str, Sequence[str], None] = '1a'\n"
            "branch_labels: Union[str, Sequence[str], None] = None\n",
        ],
        "2b",
    ),
    "with comments": ([FIRST, 'revision="2b"  # the second\ndown_revision = "1a"  # 1a\n'], "2b"),
    "merged": (
        [
            FIRST,
            'revision = "2b"\ndown_revision = "1a"\n',
            'revision = "2c"\ndown_revision = "1a"\n',
            'revision = "3d"\ndown_revision = ("2b", "2c")\n',
        ],
        "3d",
    ),
    "depending": ([FIRST, 'revision = "2b"\ndown_revision = "1a"\ndepends_on = "1a"\n'], "2b"),
}


@pytest.mark.parametrize("case", READ)
def test_head_is_read_without_alembic(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts, head = READ[case]
    pipeline = folder(tmp_path, *texts)
    assert ScriptDirectory(str(tmp_path)).get_current_head() == head
    monkeypatch.setattr(ScriptDirectory, "get_current_head", no_alembic)
    assert head_of(pipeline) == head


LEFT_TO_ALEMBIC = {
    "computed": ([FIRST, 'revision = "2" + "b"\ndown_revision = "1a"\n'], "2b"),
    "over several lines": (
        [
            FIRST,
            'revision = "2b"\ndown_revision = "1a"\n',
            'revision = "2c"\ndown_revision = "1a"\n',
            'revision = "3d"\ndown_revision = (\n    "2b",\n    "2c",\n)\n',
        ],
        "3d",
    ),
    "assigned twice": ([FIRST, 'revision = "2a"\ndown_revision = "1a"\nrevision = "2b"\n'], "2b"),
    "named in a docstring": (
        [FIRST, '"""As in\n\nrevision = "9z"\n"""\nrevision = "2b"\ndown_revision = "1a"\n'],
        "2b",
    ),
    "none": ([], None),
}


@pytest.mark.parametrize("case", LEFT_TO_ALEMBIC)
def test_what_cannot_be_read_is_left_to_alembic(case: str, tmp_path: Path) -> None:
    texts, head = LEFT_TO_ALEMBIC[case]
    assert head_of(folder(tmp_path, *texts)) == head


def test_several_heads_are_refused(tmp_path: Path) -> None:
    pipeline = folder(tmp_path, FIRST, FIRST.replace("1a", "1b"))
    with pytest.raises(CommandError, match="multiple heads"):
        head_of(pipeline)


def test_files_that_are_no_migration_are_left_out(tmp_path: Path) -> None:
    pipeline = folder(tmp_path, FIRST)
    for name in ("__init__.py", ".#0_x.py", "0_x.py.orig"):
        (tmp_path / "versions" / name).write_text(FIRST.replace("1a", "9z"))
    assert ScriptDirectory(str(tmp_path)).get_current_head() == "1a"
    assert head_of(pipeline) == "1a"


def test_new_file_changes_the_head(tmp_path: Path) -> None:
    pipeline = folder(tmp_path, FIRST)
    assert head_of(pipeline) == "1a"
    (tmp_path / "versions" / "2_x.py").write_text('revision = "2b"\ndown_revision = "1a"\n')
    assert head_of(pipeline) == "2b"


def test_no_folder_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="the pipeline sparkify has no folder of migrations"):
        head_of(replace(SPARKIFY, migrations=None))
