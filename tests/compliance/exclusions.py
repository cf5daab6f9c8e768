"""Tests of SQLAlchemy's suite that no requirement describes and that cannot hold on Redshift, with reasons."""

from __future__ import annotations

from typing import Final

_KEY: Final = "an integer key is no IDENTITY by itself, and without RETURNING nobody would know the value"
_FOLDED: Final = "page Names and identifiers: names are folded to lower case, quoted ones too"
_REFUSED: Final = "the dialect refuses it while the statement is compiled, and says what to write instead"

#: Class, and the test or its beginning with the parameters; a class alone is all of its tests.
EXCLUDED: Final = {
    "BinaryTest": "no BYTEA (page Unsupported PostgreSQL data types); the driver binds no VARBYTE",
    "ComponentReflectionTest::test_get_foreign_keys_quoted_name": _FOLDED,
    "ComponentReflectionTest::test_get_multi_columns": "one of the suite's comments has a backslash: refused",
    "ComponentReflectionTest::test_get_pk_constraint_quoted_name": _FOLDED,
    "ComponentReflectionTest::test_get_unique_constraints_quoted_name": _FOLDED,
    "ComponentReflectionTestExtra::test_server_defaults[DateTime-default5-current_timestamp": (
        "func.now() is SYSDATE: the others run on the leader node alone"
    ),
    "DateTimeCoercedToDateTimeTest::test_literal": _REFUSED,
    "DistinctOnTest::test_distinct_on": _REFUSED,
    "IdentityAutoincrementTest": "page CREATE TABLE: IDENTITY gives unique values, not consecutive ones",
    "InsertBehaviorTest::test_empty_insert": _KEY,
    "InsertBehaviorTest::test_empty_insert_multiple": _KEY,
    "InsertBehaviorTest::test_insert_from_select_autoinc": _KEY,
    "InsertBehaviorTest::test_no_results_for_non_returning_insert": _KEY,
    "LongNameBlowoutTest::test_long_convention_name[ix": "no indexes (page Unsupported PostgreSQL features)",
    "NameDenormalizeTest": _FOLDED,
    "ReturningGuardsTest": _REFUSED,
    "TimeTZTest::test_select_direct": "redshift_connector 2.2 binds a time as TIME, without its zone",
    "TableViaSelectTest::test_without_metadata[use_temp0": (
        "temporary tables are in a schema of the session, and not reflected"
    ),
    "UnicodeSchemaTest": _FOLDED,
    "UuidTest": "no type UUID; the dialect refuses sa.Uuid() and takes sa.Uuid(native_uuid=False)",
    "WindowFunctionTest::test_window": "page Window functions: an aggregate with ORDER BY needs a frame",
}


def reason(cls: str, test: str) -> str | None:
    """Why a test is left out; None when it is not."""
    cls = cls.partition("_")[0]
    for excluded, why in EXCLUDED.items():
        of, _, name = excluded.partition("::")
        if cls == of and (not name or test == name or test.startswith(name if "[" in name else f"{name}[")):
            return why
    return None
