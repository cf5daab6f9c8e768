"""COPY from S3 as a statement: what to load from where, checked when it is created and compiled by the
dialect.

sqlalchemy-redshift has a ``CopyCommand``, which cannot be executed with redshift_connector: it binds its
values, and the driver binds on the server, where COPY takes no parameters (issues #240 and #265: syntax error
at or near "$1"). It has no ``IAM_ROLE default``, no ZSTD and no COMPUPDATE PRESET either. Here every value is
a literal.

Sources: page COPY of the Amazon Redshift Database Developer Guide and the pages of its parameters (data
format, data conversion, data load, column mapping, file compression, columnar formats).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles

from sparkify.redshift.s3 import S3CommandError, aws_region, iam_role_clause, literal, s3_uri
from sparkify.redshift.s3 import iam_role as checked_iam_role

MAX_MAXERROR: Final = 100_000
_JSON_MAPPINGS: Final = ("auto", "auto ignorecase", "noshred")
_COLUMNAR: Final = ("PARQUET", "ORC")
_NO_OPTIONS: Final = ("target", "columns", "from_", "iam_role", "format")
# The only options for columnar files, by the page "COPY from columnar data formats".
_FOR_COLUMNAR: Final = ("manifest", "acceptinvchars", "fillrecord", "statupdate", "explicit_ids")
# By the section "JSON" of the page "Data format parameters".
_NOT_FOR_JSON: Final = ("delimiter", "quote", "fillrecord", "null_as")
_TIME_KEYWORDS: Final = ("auto", "epochsecs", "epochmillisecs")

CopyFormat = Literal["JSON", "CSV", "PARQUET", "ORC"]
Compression = Literal["GZIP", "ZSTD", "BZIP2", "LZOP"]
Encoding = Literal["UTF8", "UTF16", "UTF16LE", "UTF16BE"]


class CopyError(S3CommandError):
    """A COPY that contradicts itself or the rules of Redshift; ``option`` names the argument at fault."""


class Copy(sa.Executable, sa.ClauseElement):
    """Load files from S3 into ``target``.

    Execute it in a transaction: outside of one, COPY goes on when the client has died. The number of rows is
    not in the result (``rowcount`` is -1): query ``pg_last_copy_count()``. With ``maxerror`` above 0, refused
    rows are silently missing.

    The order of the options in the text is fixed, so texts can be compared.

    >>> from sparkify.redshift import Copy, render
    >>> events = sa.table("events", sa.column("ts"), sa.column("page"))
    >>> print(render(Copy(events, from_="s3://logs/2018/", iam_role="default", json="auto ignorecase")))
    COPY events
    FROM 's3://logs/2018/'
    IAM_ROLE default
    FORMAT AS JSON 'auto ignorecase'
    """

    # The values are part of the text and of no cache key; a cached text would load a file other than the one
    # requested.
    inherit_cache = False

    def __init__(
        self,
        target: sa.TableClause | type[Any],
        *,
        from_: str,
        iam_role: str | Sequence[str],
        columns: Sequence[str | sa.SQLColumnExpression[Any]] | None = None,
        region: str | None = None,
        format: CopyFormat = "JSON",  # noqa: A002  # Redshift's word
        json: str | None = None,
        delimiter: str | None = None,
        quote: str | None = None,
        ignoreheader: int | None = None,
        compression: Compression | None = None,
        manifest: bool = False,
        encoding: Encoding | None = None,
        dateformat: str | None = None,
        timeformat: str | None = None,
        null_as: str | None = None,
        acceptinvchars: bool | str = False,
        blanksasnull: bool = False,
        emptyasnull: bool = False,
        explicit_ids: bool = False,
        fillrecord: bool = False,
        roundec: bool = False,
        trimblanks: bool = False,
        truncatecolumns: bool = False,
        compupdate: bool | Literal["PRESET"] | None = None,
        maxerror: int | None = None,
        noload: bool = False,
        statupdate: bool | None = None,
    ) -> None:
        """Options that are not given are left to Redshift.

        :param target: a table, or a mapped class.
        :param columns: the column list, names or columns, in the order of the JSONPaths file or of the
            fields.
        :param from_: a key prefix, or with ``manifest`` the object that lists the files.
        :param iam_role: an ARN, several ARNs (a chain), or ``"default"``. Access keys cannot be used.
        :param json: for format JSON: ``"auto"`` (the default; keys must be lower case), ``"auto
            ignorecase"``, ``"noshred"`` or the S3 URI of a JSONPaths file.
        :param acceptinvchars: ``True``, or the character that replaces each byte of an invalid character.
        :param compupdate: ``None`` is not ``False``: by default COPY chooses encodings for an empty table.
        :raises CopyError: when Redshift would refuse it, or would load something other than it says.
        """
        table = getattr(target, "__table__", target)
        if not isinstance(table, sa.TableClause):
            raise CopyError("target", f"the target of a COPY is a table or a mapped class, not {target!r}")
        self.target = table
        self.columns = self._checked_columns(columns)
        self.from_ = s3_uri(from_, "from_", CopyError, key=manifest)
        self.iam_role = checked_iam_role(iam_role, CopyError)
        self.region = None if region is None else aws_region(region, CopyError)
        self.format = format
        self.json = json
        self.delimiter = delimiter
        self.quote = quote
        self.ignoreheader = ignoreheader
        self.compression = compression
        self.manifest = manifest
        self.encoding = encoding
        self.dateformat = dateformat
        self.timeformat = timeformat
        self.null_as = null_as
        self.acceptinvchars = acceptinvchars
        self.blanksasnull = blanksasnull
        self.emptyasnull = emptyasnull
        self.explicit_ids = explicit_ids
        self.fillrecord = fillrecord
        self.roundec = roundec
        self.trimblanks = trimblanks
        self.truncatecolumns = truncatecolumns
        self.compupdate = compupdate
        self.maxerror = maxerror
        self.noload = noload
        self.statupdate = statupdate
        self._check_format()
        self._check_values()
        self._check_identity()

    def __repr__(self) -> str:
        return f"Copy({self.target.name!r}, from_={self.from_!r})"

    def _checked_columns(
        self, columns: Sequence[str | sa.SQLColumnExpression[Any]] | None
    ) -> tuple[str, ...] | None:
        if columns is None:
            return None
        if isinstance(columns, str) or not columns:
            raise CopyError("columns", "columns is a list of names or columns; leave it away for all columns")
        given: Sequence[Any] = columns  # an attribute of a model has a name, and no type that says so
        names = tuple(column if isinstance(column, str) else str(column.name) for column in given)
        if len(set(names)) != len(names):
            raise CopyError("columns", f"columns names one column twice: {', '.join(names)}")
        known = {column.name for column in self.target.columns}
        if known and not known.issuperset(names):
            unknown = ", ".join(name for name in names if name not in known)
            raise CopyError("columns", f"table {self.target.name} has no column {unknown}")
        return names

    def _given(self) -> list[str]:
        """The options that were given, by name."""
        return [
            name
            for name, value in vars(self).items()
            if name not in _NO_OPTIONS
            # "is": 0 and False are given values for maxerror, compupdate and statupdate.
            and value is not None
            and (value is not False or name in ("compupdate", "statupdate"))
        ]

    def _check_format(self) -> None:
        given = self._given()
        _one_of("format", self.format, ("JSON", "CSV", "PARQUET", "ORC"))
        if self.format == "JSON":
            self._refuse_any(given, _NOT_FOR_JSON)
            self._check_json()
        elif self.json is not None:
            raise CopyError("json", f"json={self.json!r} (JSONPaths) does not go with format {self.format}")
        if self.format in _COLUMNAR:
            self._refuse_any(given, tuple(name for name in given if name not in _FOR_COLUMNAR))

    def _refuse_any(self, given: list[str], names: tuple[str, ...]) -> None:
        for name in names:
            if name in given:
                raise CopyError(name, f"COPY takes no {name} with format {self.format}")

    def _check_json(self) -> None:
        if self.json is None or self.json in _JSON_MAPPINGS:
            return
        if not self.json.startswith("s3://"):
            raise CopyError(
                "json",
                f"json={self.json!r} is none of {', '.join(map(repr, _JSON_MAPPINGS))} (lower case) "
                "nor the S3 URI of a JSONPaths file",
            )
        s3_uri(self.json, "json", CopyError, key=True)
        if not self.manifest and self.json.startswith(self.from_):
            raise CopyError(
                "json",
                f"the JSONPaths file {self.json} lies under the data prefix {self.from_}: COPY would read it "
                "as data; move it, or load from a manifest",
            )

    def _check_values(self) -> None:
        if self.compression is not None:
            _one_of("compression", self.compression, ("GZIP", "ZSTD", "BZIP2", "LZOP"))
        if self.encoding is not None:
            _one_of("encoding", self.encoding, ("UTF8", "UTF16", "UTF16LE", "UTF16BE"))
        if self.compupdate not in (None, True, False, "PRESET"):
            raise CopyError(
                "compupdate", f"compupdate={self.compupdate!r} is none of True, False, 'PRESET', None"
            )
        _number("maxerror", self.maxerror, MAX_MAXERROR)
        _number("ignoreheader", self.ignoreheader, 2_147_483_647)
        _character("quote", self.quote)
        if self.delimiter != "\t":
            _character("delimiter", self.delimiter)
        if isinstance(self.acceptinvchars, str):
            _character("acceptinvchars", self.acceptinvchars)
        for name in ("dateformat", "timeformat", "null_as"):
            value = getattr(self, name)
            if value is not None and ("\\" in value or not (value == "" or value.isprintable())):
                raise CopyError(name, f"{name}={value!r} has a backslash or an unprintable character")
        for name in ("dateformat", "timeformat"):
            value = getattr(self, name)
            if value is not None and value not in _TIME_KEYWORDS and value.lower() in _TIME_KEYWORDS:
                raise CopyError(name, f"{name}={value!r}: Redshift knows {value.lower()!r} in lower case only")
            if value == "":
                raise CopyError(name, f"{name} is empty; leave it away for Redshift's default")

    def _check_identity(self) -> None:
        # Page "Column mapping options": an IDENTITY column in the list needs EXPLICIT_IDS, and EXPLICIT_IDS
        # needs the column in the list.
        if self.columns is None or not isinstance(self.target, sa.Table):
            return
        always = {c.name for c in self.target.columns if _generated_always(c)}
        listed = always.intersection(self.columns)
        if listed and not self.explicit_ids:
            raise CopyError(
                "explicit_ids",
                f"column {', '.join(sorted(listed))} is an IDENTITY; say explicit_ids=True, or leave it "
                "out of columns",
            )
        if always and self.explicit_ids and not listed:
            raise CopyError(
                "explicit_ids", f"explicit_ids=True needs {', '.join(sorted(always))} among columns"
            )


@compiles(Copy, "redshift")
def _visit_copy(element: Copy, compiler: Any, **kw: Any) -> str:
    preparer = compiler.preparer
    columns = "" if element.columns is None else f" ({', '.join(preparer.quote(n) for n in element.columns)})"
    replacement = element.acceptinvchars if isinstance(element.acceptinvchars, str) else None
    lines = [
        f"COPY {preparer.format_table(element.target)}{columns}",
        f"FROM {literal(element.from_, compiler)}",
        iam_role_clause(element.iam_role, compiler),
        _text("REGION", element.region, compiler),
        _format(element, compiler),
        _text("ENCODING", element.encoding),
        _flag("MANIFEST", element.manifest),
        _text("", element.compression),
        _text("IGNOREHEADER", element.ignoreheader),
        _text("DATEFORMAT", element.dateformat, compiler),
        _text("TIMEFORMAT", element.timeformat, compiler),
        _text("NULL AS", element.null_as, compiler),
        _flag("ACCEPTINVCHARS", element.acceptinvchars is True),
        _text("ACCEPTINVCHARS AS", replacement, compiler),
        _flag("BLANKSASNULL", element.blanksasnull),
        _flag("EMPTYASNULL", element.emptyasnull),
        _flag("EXPLICIT_IDS", element.explicit_ids),
        _flag("FILLRECORD", element.fillrecord),
        _flag("ROUNDEC", element.roundec),
        _flag("TRIMBLANKS", element.trimblanks),
        _flag("TRUNCATECOLUMNS", element.truncatecolumns),
        _text("COMPUPDATE", _switch(element.compupdate)),
        _text("MAXERROR", element.maxerror),
        _flag("NOLOAD", element.noload),
        _text("STATUPDATE", _switch(element.statupdate)),
    ]
    return "\n".join(line for line in lines if line)


def _format(element: Copy, compiler: Any) -> str:
    if element.format == "JSON":
        return f"FORMAT AS JSON {literal(element.json or 'auto', compiler)}"
    if element.format in _COLUMNAR:
        return f"FORMAT AS {element.format}"
    # COPY interprets \t itself, so it is a tab whether or not the parser has already converted it.
    delimiter = (
        r"DELIMITER '\t'" if element.delimiter == "\t" else _text("DELIMITER", element.delimiter, compiler)
    )
    parts = ["FORMAT AS CSV", _text("QUOTE AS", element.quote, compiler), delimiter]
    return " ".join(part for part in parts if part)


def _flag(keyword: str, value: bool) -> str | None:
    return keyword if value else None


def _text(keyword: str, value: str | int | None, compiler: Any = None) -> str | None:
    """``keyword value``; with ``compiler`` the value is quoted. ``None`` for no value."""
    if value is None:
        return None
    return f"{keyword} {literal(str(value), compiler) if compiler else value}".strip()


def _switch(value: bool | str | None) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return "ON" if value else "OFF"


def _one_of(option: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise CopyError(option, f"{option}={value!r} is none of {', '.join(allowed)}")


def _number(option: str, value: int | None, highest: int) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= highest:
        raise CopyError(option, f"{option}={value!r} is not a number from 0 to {highest}")


def _character(option: str, value: str | None) -> None:
    if value is None:
        return
    if len(value) != 1 or not value.isascii() or not value.isprintable() or value == "\\":
        raise CopyError(
            option, f"{option}={value!r} is not one printable ASCII character other than the backslash"
        )


def _generated_always(column: sa.Column[Any]) -> bool:
    if column.identity is not None:
        return bool(column.identity.always)
    return column.dialect_options["redshift"].get("identity") is not None
