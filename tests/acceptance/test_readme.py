"""What README and the page of the answers tell a newcomer to type, as it stands there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.commands import run_here, run_module
from tests.support.paths import CLONE

TEXT = (CLONE / "README.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def lines(text: str) -> list[list[str]]:
    """The commands of all blocks that have some, as a shell would part them."""
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    assert blocks
    return [
        shlex.split(line.removeprefix("$ "), comments=True) for block in blocks for line in block.splitlines()
    ]


Run = Callable[..., subprocess.CompletedProcess[str]]


def run(home: Path, words: list[str], how: Run = run_module) -> subprocess.CompletedProcess[str]:
    program, *arguments = words
    # alembic reads the clone's alembic.ini, and the database lies where the newcomer stands.
    module = ["alembic", "-c", str(CLONE / "alembic.ini")] if program == "alembic" else ["sparkify"]
    return how(*module, *arguments, cwd=home)


def test_quick_start_runs_as_written(tmp_path: Path) -> None:
    pytest.importorskip("jinja2", reason="the extra report is not installed")
    # The block behind that of the local files is for a bucket.
    local = section("Quick start").partition("s3://")[0].rpartition("```console")[0]
    commands = [words for words in lines(local) if words[0] != "source"]
    assert [words[:2] for words in commands] == [
        ["sparkify-etl", "generate"],
        ["alembic", "upgrade"],
        ["sparkify-etl", "load"],
        ["sparkify-etl", "load"],
        ["sparkify-etl", "status"],
        ["sparkify-etl", "check"],
        ["sparkify-etl", "query"],
        ["sparkify-etl", "report"],
    ]
    for words in commands:
        done = run(tmp_path, words)
        assert done.returncode == 0, (words, done.stderr)
    assert (tmp_path / "report.html").stat().st_size > 10_000
    code = re.search(r"```python\n(.*?)```", section("Quick start"), re.DOTALL)
    assert code is not None
    for data in (tmp_path / "sparkify.duckdb", None):
        if data is None:
            (tmp_path / "sparkify.duckdb").unlink()
        done = subprocess.run(
            [sys.executable, "-c", code[1]],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        # The number of plays, and five songs: after a load of nothing new, and after one of everything.
        first, *songs = done.stdout.rstrip("\n").split("\n")
        assert (int(first), len(songs)) == (17_116, 5)


def test_commands_of_the_answers_run(tmp_path: Path) -> None:
    pytest.importorskip("jinja2", reason="the extra report is not installed")
    made = run(tmp_path, ["sparkify-etl", "generate", "--events", "3000", "--songs", "50"], run_here)
    assert made.returncode == 0
    assert run(tmp_path, ["sparkify-etl", "load"], run_here).returncode == 0
    page = (CLONE / "docs" / "answers.md").read_text(encoding="utf-8")
    for words in lines(section("Answers") + page):
        if "<" in words:
            assert words[2] == "-"  # the file is the reader's own
            continue
        done = run(tmp_path, words, run_here)
        assert done.returncode == 0, (words, done.stderr)
        assert done.stdout or "-o" in words
    assert (tmp_path / "week.html").exists()
    assert (tmp_path / "plays.parquet").exists()
