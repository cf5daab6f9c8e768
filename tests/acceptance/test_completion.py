"""What a shell is given to complete: by the protocol of each shell, from the installed command's program."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import CLONE

PROGRAM = "import sys; sys.argv[0] = 'sparkify-etl'; from sparkify.cli import main; main()"
"""As the script that pip installs: its name decides the variable that a shell sets."""


def ask(shell: str, line: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Ask as the shell does at the end of a line."""
    words = line.split()
    variables = {
        "_SPARKIFY_ETL_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - (not line.endswith(" "))),
        "_TYPER_COMPLETE_ARGS": line,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "PYTHONPATH": str(CLONE),
    }
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=cwd,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


SHOP = "sparkify-etl --pipeline tests.support.shop:SHOP"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("sparkify-etl s", ["status", "schema", "snapshot", "sql"]),
        ("sparkify-etl load --only ", ["events", "songs"]),
        ("sparkify-etl load --source s", ["songs="]),
        (f"{SHOP} load --only c", ["customers"]),
        ("sparkify-etl schema songp", ["songplays"]),
        ("sparkify-etl report --tz Europe/Ber", ["Europe/Berlin"]),
        ("sparkify-etl query plays-by hour --tz America/Los", ["America/Los_Angeles"]),
        ("sparkify-etl query top-songs-", ["top-songs-by-day"]),
        ("sparkify-etl query --dialect ", ["duckdb", "redshift"]),
        ("sparkify-etl query totals --format ", ["table", "json", "ndjson", "csv", "markdown", "parquet"]),
        ("sparkify-etl sql --format p", ["parquet"]),
        ("sparkify-etl migrate ", ["head", "base"]),
        ("sparkify-etl load --lock", ["--lock-timeout"]),
        # What is wrong on the line is said when it is run, not in the middle of it.
        ("sparkify-etl --pipeline no.such:P load --only ", []),
        ("sparkify-etl --pipeline no.such:P query ", []),
        ("sparkify-etl query nonsense --di", ["--dialect"]),
    ],
)
def test_bash_completes(tmp_path: Path, line: str, expected: list[str]) -> None:
    done = ask("bash", line, tmp_path)
    assert (done.returncode, done.stderr, done.stdout.split()) == (0, "", expected)
    assert list(tmp_path.iterdir()) == []


def test_zsh_and_fish_complete(tmp_path: Path) -> None:
    line = "sparkify-etl load --only "
    assert ask("zsh", line, tmp_path).stdout == """_arguments '*: :(("events"\n"songs"))'\n"""
    assert ask("fish", line, tmp_path).stdout == "events\nsongs\n"


def test_completion_is_installed_below_the_home(tmp_path: Path) -> None:
    variables = {"HOME": str(tmp_path), "PYTHONPATH": str(CLONE)}
    # Typer then takes the name of a shell rather than look for the one that it runs in.
    variables["_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"] = "1"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "--install-completion", "bash"],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    script = tmp_path / ".bash_completions" / "sparkify-etl.sh"
    assert "_SPARKIFY_ETL_COMPLETE=complete_bash" in script.read_text()
    assert str(script) in (tmp_path / ".bashrc").read_text()
