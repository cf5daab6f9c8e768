"""A part of SQLAlchemy's suite for dialects; ``make test-dialect`` runs all of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from sqlalchemy.testing.requirements import SuiteRequirements

from tests.compliance.exclusions import EXCLUDED, reason
from tests.support.paths import CLONE

CLASSES = (
    "CTETest",
    "EnumTest",
    "ExpandingBoundInTest",
    "FetchLimitOffsetTest",
    "InsertBehaviorTest",
    "IsOrIsNotDistinctFromTest",
    "NumericTest",
    "PostCompileParamsTest",
    "SimpleUpdateDeleteTest",
    "TableDDLTest",
)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-c", "tests/compliance/setup.cfg"),
            *("--confcutdir=tests/compliance", "tests/compliance/test_suite.py", *arguments),
        ],
        cwd=CLONE,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_part_of_suite_passes() -> None:
    done = run("-k", " or ".join(CLASSES))
    counts = {
        word: int(number) for number, word in re.findall(r"(\d+) (passed|skipped|failed|error)", done.stdout)
    }
    assert done.returncode == 0, done.stdout[-3000:]
    assert set(counts) == {"passed", "skipped"}
    assert counts["passed"] > 60


def test_exclusion_takes_what_it_names() -> None:
    excluded = [
        ("UuidTest_redshift+redshift_connector_8_0_2", "test_uuid_text_round_trip"),
        ("WindowFunctionTest_redshift", "test_window"),
        ("LongNameBlowoutTest_redshift", "test_long_convention_name[ix-_exclusions_02]"),
        ("InsertBehaviorTest_redshift", "test_no_results_for_non_returning_insert[True-False]"),
    ]
    kept = [
        ("UuidTestOfAnother_redshift", "test_uuid_text_round_trip"),
        ("WindowFunctionTest_redshift", "test_window_rows_between"),
        ("LongNameBlowoutTest_redshift", "test_long_convention_name[pk-_exclusions_00]"),
        ("InsertBehaviorTest_redshift", "test_insert_from_select_with_defaults"),
    ]
    assert all(reason(*one) for one in excluded)
    assert not any(reason(*one) for one in kept)


def test_every_exclusion_has_a_reason() -> None:
    from tests.compliance.requirements import HAS, LACKS

    assert all({**HAS, **LACKS, **EXCLUDED}.values())
    assert all(hasattr(SuiteRequirements, name) for name in {**HAS, **LACKS})
    assert not set(HAS) & set(LACKS)
