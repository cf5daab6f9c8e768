"""Errors consist of parts, from which the code that prints them builds the message."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import sparkify
from sparkify import redshift
from sparkify.etl.errors import (
    UNCHANGED,
    ChangedFiles,
    ChecksFailed,
    ConfigurationError,
    DriftError,
    EmptySource,
    RejectedLines,
    SourceError,
    SparkifyError,
    TemporaryError,
    leaving,
)
from sparkify.etl.profiles import Drift
from sparkify.etl.results import CheckResult, OtherFormat, Reject
from sparkify.etl.translation import translated, translating
from sparkify.redshift import ConnectError, CopyError, S3CommandError, UnloadError


def flag(name: str, value: object) -> str:
    return f"--{name}={value}"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (SparkifyError("found"), "found"),
        (SparkifyError("found", where="a.json"), "a.json: found"),
        (SparkifyError("found", state=UNCHANGED), "found; nothing was changed"),
        (SparkifyError("found", hint="Do this."), "found. Do this."),
        (
            SparkifyError("found", where="a.json", hint="Do this.", state=UNCHANGED),
            "a.json: found; nothing was changed. Do this.",
        ),
        (SourceError("a.json", "cannot be read", hint="Mount it."), "a.json: cannot be read. Mount it."),
        (
            SparkifyError("COPY refused lines", details=["a:1: x", "a:2: y"], hint="Correct these."),
            "COPY refused lines:\n  a:1: x\n  a:2: y\nCorrect these.",
        ),
    ],
)
def test_str_puts_the_parts_into_one_sentence(error: SparkifyError, sentence: str) -> None:
    assert str(error) == sentence


def test_parts_are_attributes() -> None:
    error = ConfigurationError("found", where="here", hint="Do.", state=UNCHANGED)
    assert (error.where, error.found, error.hint, error.state) == ("here", "found", "Do.", UNCHANGED)
    assert error.details == ()


def test_option_is_written_as_keyword_or_as_the_caller_spells_it() -> None:
    error = ChangedFiles(
        ["s3://b/a.json"], "changed", hint="Rebuild with {option}.", option=("reload_changed", True)
    )
    assert str(error) == "s3://b/a.json: changed. Rebuild with reload_changed=True."
    assert error.sentence(flag) == "s3://b/a.json: changed. Rebuild with --reload_changed=True."


def test_changed_files_names_five_and_counts_the_rest() -> None:
    error = ChangedFiles([f"{n}.json" for n in range(7)], "changed", hint="-", option=("x", 1))
    assert error.where == "7 files (0.json, 1.json, 2.json, 3.json, 4.json and 2 more)"
    assert len(error.uris) == 7


def test_rejected_lines_lists_ten_and_keeps_all() -> None:
    rejects = [Reject("a.json", n, "events", None, "not JSON", "x") for n in range(1, 13)]
    error = RejectedLines(rejects, 3)
    assert (len(error.rejects), error.max_rejects, error.option) == (12, 3, ("max_rejects", 12))
    assert error.found == "12 lines cannot be loaded and 3 are allowed"
    assert error.details[0] == "a.json:1: not JSON: 'x'"
    assert error.details[10:] == ("... and 2 more",)


def test_checks_failed_says_how_many_and_which() -> None:
    error = ChecksFailed([CheckResult("users: one row for each user_id", 1, ({"user_id": 7},))])
    assert str(error) == (
        "1 check failed; the load was rolled back and nothing was changed:\n"
        "  users: one row for each user_id: 1 row, such as user_id=7"
    )


def test_leaving_adds_the_state_where_there_is_none() -> None:
    with pytest.raises(TemporaryError) as unsaid, leaving(UNCHANGED):
        raise TemporaryError("lost")
    assert unsaid.value.state == UNCHANGED
    with pytest.raises(TemporaryError) as said, leaving(UNCHANGED):
        raise TemporaryError("lost", state="it is not known whether it was")
    assert said.value.state == "it is not known whether it was"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (SparkifyError, 1),
        (SourceError, 1),
        (EmptySource, 1),
        (ChangedFiles, 1),
        (RejectedLines, 1),
        (ChecksFailed, 1),
        (ConfigurationError, 2),
        (TemporaryError, 75),
    ],
)
def test_exit_code_of_each_kind(kind: type[SparkifyError], code: int) -> None:
    assert kind.exit_code == code


def test_newlines_of_names_and_options_begin_no_line() -> None:
    forged = "x\nerror: forged"
    error = SparkifyError(f"{forged} is not known", where=forged, hint="One.\nTwo.", details=[forged])
    assert str(error).split("\n") == [
        "x\\nerror: forged: x\\nerror: forged is not known:",
        "  x\\nerror: forged",
        "One.",
        "Two.",
    ]


def in_words(error: Exception) -> SparkifyError | None:
    return SparkifyError("the disk is full") if isinstance(error, OSError) else None


def test_error_of_somebody_else_is_raised_as_it_is_translated() -> None:
    cause = OSError("28")
    with pytest.raises(SparkifyError, match=r"^the disk is full$") as caught, translating(in_words):
        raise cause
    assert caught.value.__cause__ is cause


@pytest.mark.parametrize("error", [ConfigurationError("ours"), ValueError("not known"), KeyboardInterrupt()])
def test_error_that_needs_no_translation_or_has_none_stays_as_it_is(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, translating(in_words):
        raise error
    assert caught.value is error
    assert error.__cause__ is None


def test_translated_error_is_ours_or_what_is_made_of_it() -> None:
    ours = ConfigurationError("ours")
    assert translated(ours, in_words) is ours
    assert str(translated(OSError("28"), in_words)) == "the disk is full"
    assert translated(ValueError("not known"), in_words) is None


_PARTS: dict[str, Any] = {
    "where": "a.json",
    "hint": "Give {option}.",
    "state": UNCHANGED,
    "option": ("only", "a"),
}

ONE_OF_EACH: list[Exception] = [
    SparkifyError("found", details=["a", "b"], **_PARTS),
    ConfigurationError("found", **_PARTS),
    TemporaryError("found", **_PARTS),
    SourceError("a.json", "found", hint="Do."),
    EmptySource("data", "no file", exists=True, hint="Do."),
    ChangedFiles(["a.json", "b.json"], "changed", hint="Give {option}.", option=("reload_changed", True)),
    DriftError([Drift("events", "new key", ("x",), "a.json", 2)]),
    RejectedLines(
        [Reject("a.json", 1, "events", "ts", "not a number", "{}")],
        0,
        [OtherFormat("CSV", "Convert.", uris=("b",))],
    ),
    ChecksFailed([CheckResult("users", 1, ({"user_id": 7},), "Load again.")]),
    ConnectError("host", "no answer", "try again", temporary=True, tls=True),
    S3CommandError("to", "to is no S3 URI"),
    CopyError("from_", "from_ is no S3 URI"),
    UnloadError("to", "to is no S3 URI"),
]


def test_one_of_each_is_every_public_error() -> None:
    public = [getattr(module, name) for module in (sparkify, redshift) for name in module.__all__]
    errors = {kind for kind in public if isinstance(kind, type) and issubclass(kind, Exception)}
    assert {type(error) for error in ONE_OF_EACH} == errors


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))],
    ids=["copy", "deep", "pickle"],
)
@pytest.mark.parametrize("error", ONE_OF_EACH, ids=lambda error: type(error).__name__)
def test_error_survives_a_copy(error: Exception, copied: Callable[[Exception], Exception]) -> None:
    found = copied(error)
    assert type(found) is type(error)
    assert (found.args, vars(found), str(found)) == (error.args, vars(error), str(error))
