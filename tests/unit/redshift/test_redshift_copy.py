"""COPY: its full text, what it rejects with which message, and how it is sent."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import UnsupportedCompilationError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy_redshift.dialect import CopyCommand

from sparkify.redshift import Copy, CopyError, RedshiftDialect, S3CommandError, render

ROLE = "arn:aws:iam::123456789012:role/loader"

events = sa.Table(
    "staging_events",
    sa.MetaData(),
    sa.Column("event_id", sa.BigInteger, redshift_identity=(0, 1)),
    sa.Column("page", sa.String(32)),
    sa.Column("user", sa.String(32)),
)


class Base(DeclarativeBase):
    pass


class Song(Base):
    __tablename__ = "staging songs"
    __table_args__ = ({"schema": "raw"},)
    song_id: Mapped[str] = mapped_column(sa.String(32), primary_key=True)


def copy(**options: Any) -> Copy:
    return Copy(events, **{"from_": "s3://logs/2018/", "iam_role": ROLE, **options})


def tail(**options: Any) -> str:
    """The text after the three lines that every COPY has."""
    return render(copy(**options)).split(f"IAM_ROLE '{ROLE}'\n")[1]


def test_the_shortest() -> None:
    assert render(copy()) == (
        "COPY staging_events\n"
        "FROM 's3://logs/2018/'\n"
        "IAM_ROLE 'arn:aws:iam::123456789012:role/loader'\n"
        "FORMAT AS JSON 'auto'"
    )


def test_the_longest_and_the_order_of_its_options() -> None:
    statement = Copy(
        events,
        columns=["page", events.c.user],
        from_="s3://logs/2018/batch.manifest",
        iam_role=ROLE,
        region="us-west-2",
        json="s3://logs/2018/jsonpaths.json",
        ignoreheader=1,
        compression="GZIP",
        manifest=True,
        encoding="UTF8",
        dateformat="auto",
        timeformat="epochmillisecs",
        acceptinvchars="^",
        blanksasnull=True,
        emptyasnull=True,
        roundec=True,
        trimblanks=True,
        truncatecolumns=True,
        compupdate=False,
        maxerror=0,
        noload=True,
        statupdate=True,
    )
    assert render(statement) == (
        'COPY staging_events (page, "user")\n'
        "FROM 's3://logs/2018/batch.manifest'\n"
        "IAM_ROLE 'arn:aws:iam::123456789012:role/loader'\n"
        "REGION 'us-west-2'\n"
        "FORMAT AS JSON 's3://logs/2018/jsonpaths.json'\n"
        "ENCODING UTF8\n"
        "MANIFEST\n"
        "GZIP\n"
        "IGNOREHEADER 1\n"
        "DATEFORMAT 'auto'\n"
        "TIMEFORMAT 'epochmillisecs'\n"
        "ACCEPTINVCHARS AS '^'\n"
        "BLANKSASNULL\n"
        "EMPTYASNULL\n"
        "ROUNDEC\n"
        "TRIMBLANKS\n"
        "TRUNCATECOLUMNS\n"
        "COMPUPDATE OFF\n"
        "MAXERROR 0\n"
        "NOLOAD\n"
        "STATUPDATE ON"
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"json": "auto ignorecase"}, "FORMAT AS JSON 'auto ignorecase'"),
        ({"json": "noshred"}, "FORMAT AS JSON 'noshred'"),
        ({"format": "CSV"}, "FORMAT AS CSV"),
        (
            {"format": "CSV", "quote": "'", "delimiter": ";", "null_as": "NA"},
            "FORMAT AS CSV QUOTE AS '''' DELIMITER ';'\nNULL AS 'NA'",
        ),
        ({"format": "CSV", "delimiter": "\t", "null_as": ""}, "FORMAT AS CSV DELIMITER '\\t'\nNULL AS ''"),
        ({"format": "PARQUET", "fillrecord": True}, "FORMAT AS PARQUET\nFILLRECORD"),
        ({"format": "ORC", "statupdate": False}, "FORMAT AS ORC\nSTATUPDATE OFF"),
        ({"compression": "ZSTD", "compupdate": "PRESET"}, "FORMAT AS JSON 'auto'\nZSTD\nCOMPUPDATE PRESET"),
        (
            {"compupdate": True, "acceptinvchars": True},
            "FORMAT AS JSON 'auto'\nACCEPTINVCHARS\nCOMPUPDATE ON",
        ),
        ({"explicit_ids": True, "columns": ["event_id"]}, "FORMAT AS JSON 'auto'\nEXPLICIT_IDS"),
        ({"maxerror": 100_000}, "FORMAT AS JSON 'auto'\nMAXERROR 100000"),
        ({"timeformat": "YYYY-MM-DD HH:MI:SS"}, "FORMAT AS JSON 'auto'\nTIMEFORMAT 'YYYY-MM-DD HH:MI:SS'"),
    ],
)
def test_options(options: dict[str, Any], expected: str) -> None:
    assert tail(**options) == expected


@pytest.mark.parametrize(
    ("iam_role", "expected"),
    [
        ("default", "IAM_ROLE default"),
        ("DEFAULT", "IAM_ROLE default"),
        (ROLE, f"IAM_ROLE '{ROLE}'"),
        ("arn:aws-us-gov:iam::123456789012:role/a/b", "IAM_ROLE 'arn:aws-us-gov:iam::123456789012:role/a/b'"),
        ([ROLE, f"{ROLE}2"], f"IAM_ROLE '{ROLE},{ROLE}2'"),
        (f"{ROLE},{ROLE}2", f"IAM_ROLE '{ROLE},{ROLE}2'"),
    ],
)
def test_roles(iam_role: Any, expected: str) -> None:
    assert render(copy(iam_role=iam_role)).splitlines()[2] == expected


def test_names_and_values_are_quoted_by_the_dialect() -> None:
    statement = Copy(Song, columns=[Song.song_id], from_="s3://bucket/it's 100%/ß", iam_role="default")
    assert render(statement).splitlines()[:2] == [
        'COPY "raw"."staging songs" (song_id)',
        "FROM 's3://bucket/it''s 100%/ß'",
    ]
    # The driver only unescapes %% outside quotes: doubling it here would change the key.
    assert str(statement.compile(dialect=RedshiftDialect())) == render(statement)


KEY = "AKIAIOSFODNN7EXAMPLE"

REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "http": ({"from_": "https://logs/x"}, "from_", "is not an S3 URI; write s3://bucket/key"),
    "no bucket": ({"from_": "s3:///x"}, "from_", "is not an S3 URI"),
    "backslash": ({"from_": "s3://logs/a\\"}, "from_", "has a backslash or an unprintable character"),
    "newline": ({"from_": "s3://logs/a\nb"}, "from_", "has a backslash or an unprintable character"),
    "manifest of a bucket": ({"from_": "s3://logs/", "manifest": True}, "from_", "names a bucket only"),
    "role": ({"iam_role": "loader"}, "iam_role", "is not the ARN of a role"),
    "user": ({"iam_role": "arn:aws:iam::123456789012:user/x"}, "iam_role", "is not the ARN of a role"),
    "quote in role": ({"iam_role": f"{ROLE}' ACCESS_KEY_ID '"}, "iam_role", "is not the ARN of a role"),
    "end of line in role": ({"iam_role": f"{ROLE}\n"}, "iam_role", "is not the ARN of a role"),
    "short account": ({"iam_role": "arn:aws:iam::12345:role/x"}, "iam_role", "is not the ARN of a role"),
    "no role": ({"iam_role": []}, "iam_role", "is not the ARN of a role"),
    "default in a chain": ({"iam_role": ["default", ROLE]}, "iam_role", "is not the ARN of a role"),
    "long chain": ({"iam_role": [ROLE] * 11}, "iam_role", "chains 11 roles; Redshift allows 10"),
    "region": ({"region": "us_west_2"}, "region", "is not an AWS region; write one like us-west-2"),
    "format": ({"format": "XML"}, "format", "is none of JSON, CSV, PARQUET, ORC"),
    "mapping": ({"json": "Auto"}, "json", "(lower case) nor the S3 URI of a JSONPaths file"),
    "jsonpaths with CSV": (
        {"format": "CSV", "json": "s3://x-bucket/p.json"},
        "json",
        "does not go with format CSV",
    ),
    "jsonpaths among the data": (
        {"json": "s3://logs/2018/paths.json"},
        "json",
        "lies under the data prefix s3://logs/2018/: COPY would read it as data",
    ),
    "delimiter with JSON": ({"delimiter": ","}, "delimiter", "COPY takes no delimiter with format JSON"),
    "null_as with JSON": ({"null_as": ""}, "null_as", "COPY takes no null_as with format JSON"),
    "maxerror with Parquet": (
        {"format": "PARQUET", "maxerror": 0},
        "maxerror",
        "no maxerror with format PARQUET",
    ),
    "compupdate with Parquet": (
        {"format": "PARQUET", "compupdate": False},
        "compupdate",
        "no compupdate with format PARQUET",
    ),
    "gzip with ORC": (
        {"format": "ORC", "compression": "GZIP"},
        "compression",
        "no compression with format ORC",
    ),
    "compression": ({"compression": "ZIP"}, "compression", "is none of GZIP, ZSTD, BZIP2, LZOP"),
    "two compressions": ({"compression": "GZIP ZSTD"}, "compression", "is none of GZIP, ZSTD, BZIP2, LZOP"),
    "encoding": ({"encoding": "latin1"}, "encoding", "is none of UTF8"),
    "maxerror": ({"maxerror": 100_001}, "maxerror", "is not a number from 0 to 100000"),
    "negative maxerror": ({"maxerror": -1}, "maxerror", "is not a number from 0 to 100000"),
    "maxerror is no flag": ({"maxerror": True}, "maxerror", "is not a number from 0 to 100000"),
    "compupdate": ({"compupdate": "ON"}, "compupdate", "is none of True, False, 'PRESET', None"),
    "timeformat": (
        {"timeformat": "EpochMillisecs"},
        "timeformat",
        "knows 'epochmillisecs' in lower case only",
    ),
    "empty timeformat": ({"timeformat": ""}, "timeformat", "is empty"),
    "null_as": ({"format": "CSV", "null_as": "\\N"}, "null_as", "has a backslash"),
    "quote": ({"format": "CSV", "quote": "ab"}, "quote", "is not one printable ASCII character"),
    "replacement": ({"acceptinvchars": "\\"}, "acceptinvchars", "is not one printable ASCII character"),
    "no columns": ({"columns": []}, "columns", "leave it away for all columns"),
    "one string": ({"columns": "page"}, "columns", "is a list of names or columns"),
    "column twice": ({"columns": ["page", "page"]}, "columns", "names one column twice"),
    "no such column": ({"columns": ["page", "pgae"]}, "columns", "table staging_events has no column pgae"),
    "identity": ({"columns": ["event_id"]}, "explicit_ids", "event_id is an IDENTITY; say explicit_ids=True"),
    "no identity": (
        {"columns": ["page"], "explicit_ids": True},
        "explicit_ids",
        "explicit_ids=True needs event_id among columns",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    options, option, sentence = REFUSED[name]
    with pytest.raises(CopyError) as raised:
        copy(**options)
    assert sentence in str(raised.value)
    assert raised.value.option == option
    assert isinstance(raised.value, (ValueError, S3CommandError))


def test_a_target_that_is_no_table_is_refused() -> None:
    with pytest.raises(CopyError, match="a table or a mapped class, not 'events'"):
        Copy("events", from_="s3://logs/", iam_role="default")  # type: ignore[arg-type]


def test_an_access_key_has_no_way_in_and_is_not_repeated() -> None:
    with pytest.raises(CopyError) as raised:
        copy(iam_role=f"aws_access_key_id={KEY};aws_secret_access_key=secret")
    assert KEY not in str(raised.value)
    assert "access keys cannot be used" in str(raised.value)
    with pytest.raises(TypeError):
        copy(credentials=f"aws_access_key_id={KEY}")


def test_identity_by_default_may_be_copied() -> None:
    """Page "Column mapping options": GENERATED BY DEFAULT needs no EXPLICIT_IDS."""
    table = sa.Table(
        "t", sa.MetaData(), sa.Column("id", sa.BigInteger, sa.Identity()), sa.Column("x", sa.Integer)
    )
    statement = Copy(table, columns=["id", "x"], from_="s3://logs/", iam_role="default")
    assert "EXPLICIT_IDS" not in render(statement)
    always = sa.Table("t", sa.MetaData(), sa.Column("id", sa.BigInteger, sa.Identity(always=True)))
    with pytest.raises(CopyError):
        Copy(always, columns=["id"], from_="s3://logs/", iam_role="default")


def test_it_is_sent_without_parameters_in_the_callers_transaction(driver: Any) -> None:
    """Issue #240: upstream's CopyCommand is sent as ``COPY t FROM %s ...``."""
    with driver.engine().begin() as connection:
        driver.log.clear()
        driver.parameters.clear()
        connection.execute(copy())
    assert driver.log == [
        "begin",
        f"COPY staging_events FROM 's3://logs/2018/' IAM_ROLE '{ROLE}' FORMAT AS JSON 'auto'",
        "commit",
    ]
    assert driver.parameters == [()]


@pytest.mark.filterwarnings(
    "ignore::sqlalchemy.exc.SAWarning"
)  # upstream does not declare whether it may be cached
def test_upstream_still_binds_what_cannot_be_bound() -> None:
    unmended = CopyCommand(events, data_location="s3://logs/2018/", iam_role_arns=[ROLE])
    assert unmended.compile(dialect=RedshiftDialect()).params


def test_two_copies_in_one_engine_are_two_texts(driver: Any) -> None:
    with driver.engine().begin() as connection:
        connection.execute(copy(from_="s3://logs/one"))
        connection.execute(copy(from_="s3://logs/two"))
    assert [s.split("'")[1] for s in driver.statements if s.startswith("COPY")] == [
        "s3://logs/one",
        "s3://logs/two",
    ]
    assert copy()._generate_cache_key() is None


def test_other_databases_have_no_copy_from_s3() -> None:
    with pytest.raises(UnsupportedCompilationError):
        str(copy())
    # Short, but enough to identify the statement in a log or a traceback.
    assert repr(copy()) == "Copy('staging_events', from_='s3://logs/2018/')"
