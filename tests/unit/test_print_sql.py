"""Printed SQL: unchanged for programs, escaped for terminals."""

from __future__ import annotations

import io
import sys

import pytest

from sparkify.cli.formatting import print_sql
from sparkify.cli.messages import verbosity
from sparkify.cli.streams import guarded_streams


class Terminal(io.StringIO):
    """A stream that takes itself for a terminal."""

    def isatty(self) -> bool:
        return True


WARNING = "warning: the SQL has control characters, which are escaped here; print it into a file to run it\n"


@pytest.mark.parametrize(
    ("stream", "sql", "expected", "said"),
    [
        (io.StringIO, "SELECT '\x1b[2J\x80';", "SELECT '\x1b[2J\x80';\n", ""),
        (Terminal, "SELECT '\x1b[2J\x80';", "SELECT '\\x1b[2J\\x80';\n", WARNING),
        (Terminal, "SELECT 'a\tb';\n", "SELECT 'a\tb';\n\n", ""),
    ],
)
def test_print_sql(
    monkeypatch: pytest.MonkeyPatch, stream: type[io.StringIO], sql: str, expected: str, said: str
) -> None:
    out, err = stream(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setattr(verbosity, "quiet", False)
    monkeypatch.setattr(verbosity, "log_format", "text")
    with guarded_streams():
        print_sql(sql)
    assert (out.getvalue(), err.getvalue()) == (expected, said)
