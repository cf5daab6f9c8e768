"""Writing to dwh.cfg: what is changed, and what stays as it was."""

from __future__ import annotations

import configparser
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkify.config.dwhcfg import edited, read_values, write_values
from sparkify.config.settings import Settings
from sparkify.config.template import template
from sparkify.etl.errors import ConfigurationError
from tests.support.commands import run_here

ARN = "arn:aws:iam::123456789012:role/dwhRole"
HOST = "sparkify.abc.us-west-2.redshift.amazonaws.com"
VALUES = {("IAM_ROLE", "ARN"): ARN, ("CLUSTER", "HOST"): HOST}

USERS_FILE = """\
# My warehouse
[CLUSTER]
HOST=old.example.com
DB_NAME='dwh'   ; of the warehouse
DB_PASSWORD=Pass%w0rd

; the role
[IAM_ROLE]
ARN = 'arn:old'

[S3]
LOG_DATA='s3://udacity-dend/log_data'
"""


def test_edited_changes_named_lines_alone() -> None:
    after = edited(USERS_FILE, VALUES)
    assert after == USERS_FILE.replace("HOST=old.example.com", f"HOST={HOST}").replace("'arn:old'", f"'{ARN}'")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "[CLUSTER]\nHOST = new\n"),
        ("[S3]\nA=1\n", "[S3]\nA=1\n\n[CLUSTER]\nHOST = new\n"),
        ("[S3]\nA=1", "[S3]\nA=1\n\n[CLUSTER]\nHOST = new\n"),
        ("[CLUSTER]\n", "[CLUSTER]\nHOST = new\n"),
        ("[CLUSTER]\nA=1\n\n[S3]\nB=2\n", "[CLUSTER]\nA=1\nHOST = new\n\n[S3]\nB=2\n"),
        ("[CLUSTER]\n# where\n#HOST =\n\nA=1\n", "[CLUSTER]\n# where\n#HOST =\nHOST = new\n\nA=1\n"),
        ("[cluster]\nhost : 'x'\n", "[cluster]\nhost : 'new'\n"),
        ("[CLUSTER]\nHOST =\n", "[CLUSTER]\nHOST = new\n"),
        ("[CLUSTER]\nHOST=a\n  b\nA=1\n", "[CLUSTER]\nHOST=new\nA=1\n"),
        ("[CLUSTER]\nHOST=a\nHOST=b\n", "[CLUSTER]\nHOST=a\nHOST=new\n"),
        ("[S3]\nHOST=a\n[CLUSTER]\nHOST=b\n", "[S3]\nHOST=a\n[CLUSTER]\nHOST=new\n"),
        (
            "[CLUSTER]\nA=1\n[S3]\nB=2\n[CLUSTER]\nC=3\n",
            "[CLUSTER]\nA=1\n[S3]\nB=2\n[CLUSTER]\nC=3\nHOST = new\n",
        ),
        ("[CLUSTER]\nHOST = 'a'  # it is\n", "[CLUSTER]\nHOST = 'new'  # it is\n"),
        ("[CLUSTER]\nHOST = a ; there\n", "[CLUSTER]\nHOST = new ; there\n"),
        ("[CLUSTER]\nHOST = a#b;c\n", "[CLUSTER]\nHOST = new\n"),
        ("\ufeff[CLUSTER]\r\nHOST=a\r\nB=2\r\n", "\ufeff[CLUSTER]\r\nHOST=new\r\nB=2\r\n"),
    ],
)
def test_edited_keeps_form_of_file(before: str, after: str) -> None:
    assert edited(before, {("CLUSTER", "HOST"): "new"}) == after


def test_edited_empties_value_and_adds_no_empty_one() -> None:
    assert edited("[CLUSTER]\nHOST = a\n", {("CLUSTER", "HOST"): ""}) == "[CLUSTER]\nHOST =\n"
    assert edited("[CLUSTER]\nA=1\n", {("CLUSTER", "HOST"): ""}) == "[CLUSTER]\nA=1\n"
    # A remaining comment would become the value.
    assert edited("[CLUSTER]\nHOST = a # b\n", {("CLUSTER", "HOST"): ""}) == "[CLUSTER]\nHOST =\n"


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("5439 # port", "5439"),
        ("5439\t; port", "5439"),
        ("a#b", "a#b"),
        ("a;b", "a;b"),
        ("#a", "#a"),
        ("'a # b'", "a # b"),
        ("'a # b' # c", "a # b"),
        ('"a" # it\'s', "a"),
        ("'a' 'b'", "a' 'b"),
        ("'a", "'a"),
        ("'", "'"),
        ("''", ""),
        ("", ""),
        ("p%w ord", "p%w ord"),
    ],
)
def test_value_ends_where_a_comment_begins(tmp_path: Path, written: str, value: str) -> None:
    path = tmp_path / "dwh.cfg"
    path.write_text(f"[CLUSTER]\nDB_PASSWORD = {written}\n")
    assert read_values(path) == {("CLUSTER", "db_password"): value}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[DWH]\nA=1\nA=2\n", ", lines 2 and 3: [DWH] A is given more than once. Remove all but one."),
        ("[DWH]\nA=1\nB=2\n\na : 1\n", ", lines 2 and 5: [DWH] A is given"),
        ("[DWH]\nA=1\nA=2\nA=3\n", ", lines 2 and 3 and 4: [DWH] A is given"),
        ("[DWH]\n  A=1\n  A=2\n", ": [DWH] A is given"),
        ("[DWH]\nA=1\n[S3]\nB=2\n[DWH]\nC=3\nA=4\n", ", lines 2 and 7: [DWH] A is given"),
        ("[DWH]\nA=1\n[dwh]\nA=\n", ", lines 2 and 4: [DWH] A is given"),
        ("[S3]\n[DWH]\n[DWH]\nA=1\nA=2\n", ", lines 4 and 5: [DWH] A is given"),
    ],
)
def test_option_given_twice_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "dwh.cfg"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        read_values(path)
    assert str(refused.value).startswith(f"{path}{said}")


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (
            "[DWH]\nA=1\n[S3]\nA=2\n[DWH]\nB=3\n[dwh]\nC=4\n",
            {("DWH", "a"): "1", ("S3", "a"): "2", ("DWH", "b"): "3", ("DWH", "c"): "4"},
        ),
        # A comment or a continuation line of a value is not an option.
        ("[DWH]\nA=1\n#A=2\n  A=3\n", {("DWH", "a"): "1\nA=3"}),
        (
            "[DEFAULT]\nA=1\n[DWH]\nB=2\n[DWH]\nC=3\n",
            {("DWH", "a"): "1", ("DWH", "b"): "2", ("DWH", "c"): "3"},
        ),
    ],
)
def test_section_may_come_again(tmp_path: Path, text: str, values: dict[tuple[str, str], str]) -> None:
    path = tmp_path / "dwh.cfg"
    path.write_text(text)
    assert read_values(path) == values


NAME = st.text("abcXYZ_", min_size=1, max_size=6)
LINE = st.one_of(
    st.just(""),
    st.builds("# {}".format, NAME),
    st.builds("[{}]".format, st.sampled_from(["CLUSTER", "IAM_ROLE", "S3"])),
    st.builds("{}{}{}".format, NAME, st.sampled_from(["=", " = ", ": "]), st.text("ab%'\"#;=: ", max_size=8)),
    st.builds("HOST={}".format, NAME),
)


def parsed(text: str) -> dict[tuple[str, str], str]:
    parser = configparser.RawConfigParser(strict=False)
    parser.read_string(text)
    return {(section, name): value for section in parser.sections() for name, value in parser.items(section)}


@given(st.lists(LINE, max_size=12))
def test_edited_sets_values_and_keeps_others(lines: list[str]) -> None:
    before = "[TOP]\n" + "\n".join(lines) + "\n"
    after = edited(before, VALUES)
    expected = {**parsed(before), ("CLUSTER", "host"): HOST, ("IAM_ROLE", "arn"): ARN}
    assert {name: value.strip("'\"") for name, value in parsed(after).items()} == {
        name: value.strip("'\"") for name, value in expected.items()
    }
    assert [line for line in before.splitlines() if line.startswith("#")] == [
        line for line in after.splitlines() if line.startswith("#")
    ]
    assert edited(after, VALUES) == after


def test_write_values_fills_template(clean_environment: Path) -> None:
    path = clean_environment / "dwh.cfg"
    path.write_text(template())
    write_values(path, VALUES)
    found = Settings.load()
    assert (found.host, found.iam_role_arn) == (HOST, ARN)
    assert [line for line in path.read_text().splitlines() if line not in template().splitlines()] == [
        f"HOST = {HOST}",
        f"ARN = {ARN}",
    ]


@pytest.mark.parametrize("mode", [0o644, 0o666, 0o600])
def test_write_values_makes_file_private(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "dwh.cfg"
    path.write_text(USERS_FILE)
    path.chmod(mode)
    assert write_values(path, VALUES)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(mode)
    assert not write_values(path, VALUES)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_write_values_creates_file_and_keeps_link(tmp_path: Path) -> None:
    there = tmp_path / "elsewhere" / "real.cfg"
    there.parent.mkdir()
    link = tmp_path / "dwh.cfg"
    link.symlink_to(there)
    write_values(link, VALUES)
    assert link.is_symlink()
    assert f"HOST = {HOST}" in there.read_text()
    assert stat.S_IMODE(there.stat().st_mode) == 0o600


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_write_values_leaves_file_when_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "dwh.cfg"
    path.write_text(USERS_FILE)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os if step == "fsync" else Path, step, fail)
    with pytest.raises(ConfigurationError) as caught:
        write_values(path, VALUES)
    assert path.read_text() == USERS_FILE
    assert [one.name for one in tmp_path.iterdir()] == ["dwh.cfg"]
    assert "No space left on device" in str(caught.value)
    # The message has what could not be written, so that nobody has to look it up again.
    assert f"[CLUSTER] HOST = {HOST}" in str(caught.value)
    assert "Pass%w0rd" not in str(caught.value)


def test_write_values_names_what_it_could_not_write(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "dwh.cfg"
    with pytest.raises(ConfigurationError) as stopped:
        write_values(path, {("CLUSTER", "HOST"): "h"})
    assert stopped.value.where == str(path)
    assert stopped.value.details == ("[CLUSTER] HOST = h",)
    assert stopped.value.hint == "Set these yourself."


def test_link_to_itself_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "own.cfg"
    path.symlink_to(path)
    loop = "(Too many levels of symbolic links)"
    with pytest.raises(ConfigurationError) as stopped:
        write_values(path, {("CLUSTER", "HOST"): "h"})
    assert (stopped.value.where, stopped.value.found) == (str(path), f"cannot be written {loop}")
    done = run_here("sparkify", "config", "--config", "own.cfg", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, f"error: own.cfg: cannot be read {loop}\n")
