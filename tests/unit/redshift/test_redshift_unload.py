"""UNLOAD: its full text, and what it rejects with which message."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import CompileError, UnsupportedCompilationError

from sparkify.redshift import RedshiftDialect, Unload, UnloadError, render

ROLE = "arn:aws:iam::123456789012:role/loader"
plays = sa.table(
    "plays", sa.column("song", sa.String), sa.column("year", sa.Integer), sa.column("at", sa.DateTime)
)


def unload(select: Any = None, **options: Any) -> Unload:
    select = sa.select(plays.c.song, plays.c.year) if select is None else select
    return Unload(select, **{"to": "s3://exports/plays/", "iam_role": ROLE, **options})


def tail(**options: Any) -> str:
    return render(unload(**options)).split(f"IAM_ROLE '{ROLE}'\n")[1]


def test_the_select_is_a_literal_with_literals() -> None:
    select = sa.select(plays.c.song).where(
        plays.c.song.like("it's 100%"),
        plays.c.at < dt.datetime.fromisoformat("2018-11-02"),
        plays.c.year.in_([1, 2]),
    )
    expected = (
        "UNLOAD ('SELECT plays.song \n"
        "FROM plays \n"
        "WHERE plays.song LIKE ''it''''s 100%'' AND plays.at < TIMESTAMP ''2018-11-02 00:00:00'' "
        "AND plays.year IN (1, 2)')\n"
        "TO 's3://exports/plays/'\n"
        "IAM_ROLE 'arn:aws:iam::123456789012:role/loader'\n"
        "FORMAT AS PARQUET"
    )
    assert render(unload(select)) == expected
    # The driver only unescapes %% outside quotes, so its text is the same.
    assert str(unload(select).compile(dialect=RedshiftDialect())) == expected
    modulo = unload(sa.select((plays.c.year % 4).label("n")))
    assert "('SELECT plays.year % 4 AS n \nFROM plays')" in str(modulo.compile(dialect=RedshiftDialect()))


def test_a_separator_is_written_before_the_quotes_are_doubled(driver: Any) -> None:
    select = sa.select(sa.func.aggregate_strings(plays.c.song, "'").label("songs"))
    with driver.engine().begin() as connection:
        connection.execute(unload(select))
    assert "UNLOAD ('SELECT LISTAGG(plays.song, '''''''') AS songs FROM plays')" in driver.statements[-1]
    assert driver.parameters[-1] == ()


def test_a_backslash_of_a_value_is_safe_and_one_of_a_text_is_refused() -> None:
    assert "REPLACE(''a~b'', ''~'', CHR(92))" in render(unload(sa.select(sa.literal("a\\b").label("x"))))
    with pytest.raises(CompileError, match=r"write CHR\(92\)"):
        render(unload(sa.select(sa.literal_column(r"'\d'").label("x"))))


def test_the_longest_and_the_order_of_its_options() -> None:
    statement = unload(
        iam_role="default",
        region="us-west-2",
        format="CSV",
        partition_by=[plays.c.year],
        include_partitions=True,
        manifest="VERBOSE",
        header=True,
        delimiter=";",
        kms_key_id="1234abcd-12ab-34cd-56ef-1234567890ab",
        compression="ZSTD",
        null_as="NA",
        cleanpath=True,
        parallel=False,
        maxfilesize_mb=100,
    )
    assert render(statement) == (
        "UNLOAD ('SELECT plays.song, plays.year \nFROM plays')\n"
        "TO 's3://exports/plays/'\n"
        "IAM_ROLE default\n"
        "REGION 'us-west-2'\n"
        "FORMAT AS CSV\n"
        "PARTITION BY (year) INCLUDE\n"
        "MANIFEST VERBOSE\n"
        "HEADER\n"
        "DELIMITER AS ';'\n"
        "KMS_KEY_ID '1234abcd-12ab-34cd-56ef-1234567890ab' ENCRYPTED\n"
        "ZSTD\n"
        "NULL AS 'NA'\n"
        "CLEANPATH\n"
        "PARALLEL OFF\n"
        "MAXFILESIZE 100 MB"
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"format": "JSON", "compression": "GZIP"}, "FORMAT AS JSON\nGZIP"),
        ({"partition_by": ["year"], "manifest": True}, "FORMAT AS PARQUET\nPARTITION BY (year)\nMANIFEST"),
        ({"allowoverwrite": True, "parallel": True}, "FORMAT AS PARQUET\nALLOWOVERWRITE\nPARALLEL ON"),
    ],
)
def test_options(options: dict[str, Any], expected: str) -> None:
    assert tail(**options) == expected


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "limit": ({"select": sa.select(plays.c.song).limit(3)}, "select", "no LIMIT in the outer SELECT"),
    "table": ({"select": plays}, "select", "UNLOAD wants a SELECT, not TableClause"),
    "bucket": ({"to": "s3://exports"}, "to", "names a bucket only"),
    "role": ({"iam_role": "loader"}, "iam_role", "is not the ARN of a role"),
    "region": ({"region": "Oregon"}, "region", "is not an AWS region"),
    "format": ({"format": "ORC"}, "format", "is none of PARQUET, JSON, CSV"),
    "overwrite and clean": ({"allowoverwrite": True, "cleanpath": True}, "cleanpath", "exclude each other"),
    "header of Parquet": ({"header": True}, "header", "UNLOAD takes no header with format PARQUET"),
    "gzip of Parquet": ({"compression": "GZIP"}, "compression", "no compression with format PARQUET"),
    "null of JSON": ({"format": "JSON", "null_as": ""}, "null_as", "no null_as with format JSON"),
    "names in JSON": (
        {"format": "JSON", "select": sa.select(plays.c.song, plays.c.year.label("song"))},
        "select",
        "JSON needs each name once",
    ),
    "partition": ({"partition_by": ["month"]}, "partition_by", "names month, which the SELECT does not give"),
    "all partitions": ({"partition_by": ["song", "year"]}, "partition_by", "nothing is left for the files"),
    "include nothing": ({"include_partitions": True}, "include_partitions", "needs partition_by"),
    "size": ({"maxfilesize_mb": 4}, "maxfilesize_mb", "is not from 5 to 6348"),
    "manifest": ({"manifest": "LONG"}, "manifest", "is none of True, False, 'VERBOSE'"),
    "delimiter": ({"format": "CSV", "delimiter": "||"}, "delimiter", "is not one printable ASCII character"),
    "null": ({"format": "CSV", "null_as": "\\N"}, "null_as", "has a backslash"),
    "compression": ({"format": "CSV", "compression": "LZOP"}, "compression", "is none of GZIP, ZSTD, BZIP2"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    options, option, sentence = REFUSED[name]
    with pytest.raises(UnloadError) as raised:
        unload(**options)
    assert sentence in str(raised.value)
    assert raised.value.option == option


def test_other_databases_have_no_unload() -> None:
    with pytest.raises(UnsupportedCompilationError):
        str(unload())
    assert repr(unload()) == "Unload(to='s3://exports/plays/')"
