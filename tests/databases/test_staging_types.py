"""Column types of any pipeline: each database accepts and rejects the same lines."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import REAL, BigInteger, Column, Integer, SmallInteger, String, Text
from sqlalchemy.types import TIMESTAMP

from sparkify import SparkifyError
from sparkify.databases.duckdb import batch
from sparkify.databases.redshift.rules import violates_a_rule
from sparkify.etl.declarations import from_json
from tests.support.things import Things, pipeline_of


@pytest.fixture(params=["duckdb", "redshift"])
def things(request: pytest.FixtureRequest, tmp_path: Path) -> Things:
    """No warehouse yet, on each database."""
    redshift = request.getfixturevalue("redshift") if request.param == "redshift" else None
    return Things(tmp_path, redshift)


def test_number_that_its_type_cannot_hold_is_rejected(things: Things) -> None:
    """On DuckDB such a load had no end."""
    found, rejects = things.load(
        [
            {"id": 1, "small": 32_767, "whole": 2_147_483_647, "big": 2**63 - 1, "real": 3.4028235e38},
            {"id": 2, "small": -32_768, "whole": -2_147_483_648, "big": -(2**63), "real": -1.5},
            {"id": 3, "real": "0e-40"},
            {"id": 4, "small": 32_768},
            {"id": 5, "small": "-32769"},
            {"id": 6, "whole": 2_147_483_648},
            {"id": 7, "whole": -2_147_483_649},
            {"id": 8, "big": 2**63},
            {"id": 9, "real": 1e300},
            {"id": 10, "real": -1e39},
            {"id": 11, "real": 1e-40},
        ],
        Column("small", SmallInteger, info=from_json("small")),
        Column("whole", Integer, info=from_json("whole")),
        Column("big", BigInteger, info=from_json("big")),
        Column("real", REAL, info=from_json("real")),
    )
    assert [row[:4] for row in found] == [
        (1, 32_767, 2_147_483_647, 2**63 - 1),
        (2, -32_768, -2_147_483_648, -(2**63)),
        (3, None, None, None),
    ]
    assert [row[4] for row in found] == pytest.approx([3.4028235e38, -1.5, 0.0], rel=1e-6)
    assert rejects == [
        (4, "small", "small: 32768 does not fit 16 bits"),
        (5, "small", "small: -32769 does not fit 16 bits"),
        (6, "whole", "whole: 2147483648 does not fit 32 bits"),
        (7, "whole", "whole: -2147483649 does not fit 32 bits"),
        (8, "big", "big: 9223372036854775808 does not fit 64 bits"),
        (9, "real", "real: 1e+300 does not fit a real"),
        (10, "real", "real: -1e+39 does not fit a real"),
        (11, "real", "real: 1e-40 is too near to 0 for a real"),
    ]


def test_time_with_a_zone_is_the_moment_of_the_file(things: Things) -> None:
    found, rejects = things.load(
        [{"id": 1, "at": 0}, {"id": 2, "at": 1541106106796}, {"id": 3, "at": 253_402_300_800_000}],
        Column("at", TIMESTAMP(timezone=True), info=from_json("at", epoch="ms")),
    )
    assert [(number, at.astimezone(UTC)) for number, at in found] == [
        (1, datetime(1970, 1, 1, tzinfo=UTC)),
        (2, datetime(2018, 11, 1, 21, 1, 46, 796_000, tzinfo=UTC)),
    ]
    assert rejects == [(3, "at", "at: 253402300800000 is after year 9999")]


def test_time_beyond_the_years_of_datetime_is_rejected(things: Things) -> None:
    found, rejects = things.load(
        [
            {"id": 1, "at": -62_135_596_800_000},
            {"id": 2, "at": 253_402_300_799_999},
            {"id": 3, "at": -62_135_596_800_001},
            {"id": 4, "at": 253_402_300_800_000},
            {"id": 5, "at": 9_000_000_000_000_000_000},
        ],
        Column("at", TIMESTAMP, info=from_json("at", epoch="ms")),
    )
    assert found == [(1, datetime(1, 1, 1)), (2, datetime(9999, 12, 31, 23, 59, 59, 999_000))]
    assert rejects == [
        (3, "at", "at: -62135596800001 is before year 1"),
        (4, "at", "at: 253402300800000 is after year 9999"),
        (5, "at", "at: 9000000000000000000 is after year 9999"),
    ]


@pytest.mark.parametrize("bound", [None, 10**18])
def test_rows_of_redshift_are_asked_for_times_beyond_those_years(bound: int | None) -> None:
    """Redshift has them: COPY takes such lines, and the stand-in does not."""
    info = from_json("at", epoch="ms", minimum=bound and -bound, maximum=bound)
    (source,) = pipeline_of(Column("at", TIMESTAMP, info=info)).sources
    condition = violates_a_rule(source).compile()
    assert "staging_things.at < :at_1 OR staging_things.at > :at_2" in str(condition)
    assert list(condition.params.values()) == [datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999_000)]


def test_text_that_is_longer_than_any_of_redshift_is_rejected(things: Things) -> None:
    """DuckDB loaded it."""
    longest = "ü" + "x" * 65_533
    found, rejects = things.load(
        [
            {"id": 1, "text": longest, "string": longest},
            {"id": 2, "text": f"{longest}  "},
            {"id": 3, "text": f"{longest}x"},
            {"id": 4, "string": f"{longest}x"},
        ],
        Column("text", Text, info=from_json("text")),
        Column("string", String(65_535), info=from_json("string")),
    )
    assert found == [(1, longest, longest), (2, longest, None)]
    assert rejects == [
        (3, "text", "text: 65,536 bytes are longer than 65,535"),
        (4, "string", "string: 65,536 bytes are longer than 65,535"),
    ]


def test_line_without_value_for_column_that_is_not_null_is_rejected(things: Things) -> None:
    """DuckDB loaded NULL."""
    found, rejects = things.load(
        [{"id": 1, "text": "a", "n": 1}, {"id": 2, "n": 1}, {"id": 3, "text": "", "n": ""}],
        Column("text", String(8), info=from_json("text"), nullable=False),
        Column("n", Integer, info=from_json("n"), nullable=False),
    )
    assert found == [(1, "a", 1)]
    assert rejects == [(2, "text", "text: is missing"), (3, "n", "n: is missing")]


def test_column_with_capitals_has_the_values_of_its_key(things: Things) -> None:
    """On Redshift it was NULL in every row."""
    found, rejects = things.load(
        [{"id": 1, "theText": "a"}, {"id": 2, "thetext": "b"}],
        Column("theText", String(8), info=from_json("theText")),
    )
    assert (found, rejects) == ([(1, "a"), (2, None)], [])


def test_batch_that_nothing_is_wrong_with_and_that_cannot_be_read_ends_the_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was read again and again."""
    monkeypatch.setattr(batch, "_insert_files", lambda *_: False)
    with pytest.raises(
        SparkifyError, match="nothing is wrong with any of them; this is a defect of sparkify"
    ) as stopped:
        Things(tmp_path, None).load([{"id": 1}], Column("n", Integer, info=from_json("n")))
    assert (stopped.value.exit_code, stopped.value.state) == (1, "nothing was changed")
