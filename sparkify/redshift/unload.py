"""UNLOAD to S3 as a statement: the rows of a SELECT as files; checked when it is created and compiled by the
dialect.

UNLOAD takes its SELECT as a string literal and no parameters, so the values in it become literals first.
Source: page UNLOAD of the Amazon Redshift Database Developer Guide.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

import sqlalchemy as sa
from sqlalchemy.exc import CompileError
from sqlalchemy.ext.compiler import compiles

from sparkify.redshift.dialect import render
from sparkify.redshift.s3 import S3CommandError, aws_region, iam_role_clause, literal, s3_uri
from sparkify.redshift.s3 import iam_role as checked_iam_role

MIN_FILE_MB: Final = 5
MAX_FILE_MB: Final = 6348  # 6.2 GB
_NOT_FOR: Final = {
    "PARQUET": ("delimiter", "header", "null_as", "compression"),
    "JSON": ("delimiter", "header", "null_as"),
    "CSV": (),
}

UnloadFormat = Literal["PARQUET", "JSON", "CSV"]
Compression = Literal["GZIP", "ZSTD", "BZIP2"]


class UnloadError(S3CommandError):
    """An UNLOAD that contradicts itself or the rules of Redshift; ``option`` names the argument at fault."""


class Unload(sa.Executable, sa.ClauseElement):
    """Write the rows of a SELECT to S3.

    Files are written immediately, and stay when the transaction is rolled back. The order of the options in
    the text is fixed, so texts can be compared.

    >>> from sparkify.redshift import Unload, render
    >>> plays = sa.table("plays", sa.column("song"), sa.column("level"))
    >>> paid = sa.select(plays.c.song).where(plays.c.level == "paid")
    >>> print(render(Unload(paid, to="s3://exports/paid/", iam_role="default")))
    UNLOAD ('SELECT plays.song
    FROM plays
    WHERE plays.level = ''paid''')
    TO 's3://exports/paid/'
    IAM_ROLE default
    FORMAT AS PARQUET
    """

    # The values are part of the text and of no cache key.
    inherit_cache = False

    def __init__(
        self,
        select: sa.SelectBase,
        *,
        to: str,
        iam_role: str | Sequence[str],
        region: str | None = None,
        format: UnloadFormat = "PARQUET",  # noqa: A002  # Redshift's word
        partition_by: Sequence[str | sa.ColumnElement[Any]] = (),
        include_partitions: bool = False,
        manifest: bool | Literal["VERBOSE"] = False,
        header: bool = False,
        delimiter: str | None = None,
        null_as: str | None = None,
        compression: Compression | None = None,
        allowoverwrite: bool = False,
        cleanpath: bool = False,
        parallel: bool | None = None,
        maxfilesize_mb: int | None = None,
        kms_key_id: str | None = None,
    ) -> None:
        """Options that are not given are left to Redshift.

        :param to: the prefix of the file names.
        :param partition_by: names of columns of the SELECT; one folder for each value (Hive's convention).
            They are left out of the files unless ``include_partitions``.
        :param cleanpath: first delete what is at ``to``, for good.
        :param kms_key_id: encrypt with this key of KMS, instead of S3's own.
        :raises UnloadError: when Redshift would refuse it.
        """
        if not isinstance(select, sa.SelectBase):
            raise UnloadError("select", f"UNLOAD wants a SELECT, not {type(select).__name__}")
        if (
            getattr(select, "_limit_clause", None) is not None
            or getattr(select, "_offset_clause", None) is not None
        ):
            raise UnloadError(
                "select", "UNLOAD takes no LIMIT in the outer SELECT; put the limited one in a subquery"
            )
        self.select = select
        self.to = s3_uri(to, "to", UnloadError, key=True)
        self.iam_role = checked_iam_role(iam_role, UnloadError)
        self.region = None if region is None else aws_region(region, UnloadError)
        self.format = format
        self.partition_by = tuple(c if isinstance(c, str) else str(c.name) for c in partition_by)
        self.include_partitions = include_partitions
        self.manifest = manifest
        self.header = header
        self.delimiter = delimiter
        self.null_as = null_as
        self.compression = compression
        self.allowoverwrite = allowoverwrite
        self.cleanpath = cleanpath
        self.parallel = parallel
        self.maxfilesize_mb = maxfilesize_mb
        self.kms_key_id = kms_key_id
        self._check_columns()
        self._check_values()

    def __repr__(self) -> str:
        return f"Unload(to={self.to!r})"

    def _check_columns(self) -> None:
        names = [column.name for column in self.select.selected_columns]
        unknown = [name for name in self.partition_by if name not in names]
        if unknown:
            raise UnloadError(
                "partition_by", f"partition_by names {', '.join(unknown)}, which the SELECT does not give"
            )
        if len(set(self.partition_by)) == len(set(names)) and not self.include_partitions and self.partition_by:
            raise UnloadError(
                "partition_by", "partition_by names every column, so nothing is left for the files"
            )
        if self.include_partitions and not self.partition_by:
            raise UnloadError("include_partitions", "include_partitions=True needs partition_by")
        if self.format == "JSON" and len(set(names)) != len(names):
            raise UnloadError("select", "two columns of the SELECT have one name; JSON needs each name once")

    def _check_values(self) -> None:
        if self.format not in _NOT_FOR:
            raise UnloadError("format", f"format={self.format!r} is none of {', '.join(_NOT_FOR)}")
        for name in _NOT_FOR[self.format]:
            if getattr(self, name) not in (None, False):
                raise UnloadError(name, f"UNLOAD takes no {name} with format {self.format}")
        if self.compression not in (None, "GZIP", "ZSTD", "BZIP2"):
            raise UnloadError("compression", f"compression={self.compression!r} is none of GZIP, ZSTD, BZIP2")
        if self.manifest not in (True, False, "VERBOSE"):
            raise UnloadError("manifest", f"manifest={self.manifest!r} is none of True, False, 'VERBOSE'")
        if self.allowoverwrite and self.cleanpath:
            raise UnloadError("cleanpath", "cleanpath and allowoverwrite exclude each other; keep one")
        size = self.maxfilesize_mb
        if size is not None and (isinstance(size, bool) or not MIN_FILE_MB <= size <= MAX_FILE_MB):
            raise UnloadError(
                "maxfilesize_mb",
                f"maxfilesize_mb={size!r} is not from {MIN_FILE_MB} to {MAX_FILE_MB} (6.2 GB)",
            )
        if self.delimiter is not None and (
            len(self.delimiter) != 1 or not self.delimiter.isascii() or not self.delimiter.isprintable()
        ):
            raise UnloadError("delimiter", f"delimiter={self.delimiter!r} is not one printable ASCII character")
        for name in ("delimiter", "null_as", "kms_key_id"):
            value = getattr(self, name)
            if value is not None and ("\\" in value or not (value == "" or value.isprintable())):
                raise UnloadError(name, f"{name}={value!r} has a backslash or an unprintable character")


@compiles(Unload, "redshift")
def _visit_unload(element: Unload, compiler: Any, **kw: Any) -> str:
    preparer = compiler.preparer
    lines = [
        f"UNLOAD ({_quoted_select(element.select)})",
        f"TO {literal(element.to, compiler)}",
        iam_role_clause(element.iam_role, compiler),
        f"REGION {literal(element.region, compiler)}" if element.region is not None else "",
        f"FORMAT AS {element.format}",
        f"PARTITION BY ({', '.join(preparer.quote(name) for name in element.partition_by)})"
        + (" INCLUDE" if element.include_partitions else "")
        if element.partition_by
        else "",
        "MANIFEST VERBOSE" if element.manifest == "VERBOSE" else "MANIFEST" if element.manifest else "",
        "HEADER" if element.header else "",
        f"DELIMITER AS {literal(element.delimiter, compiler)}" if element.delimiter is not None else "",
        f"KMS_KEY_ID {literal(element.kms_key_id, compiler)} ENCRYPTED"
        if element.kms_key_id is not None
        else "",
        element.compression or "",
        f"NULL AS {literal(element.null_as, compiler)}" if element.null_as is not None else "",
        "ALLOWOVERWRITE" if element.allowoverwrite else "",
        "CLEANPATH" if element.cleanpath else "",
        f"PARALLEL {'ON' if element.parallel else 'OFF'}" if element.parallel is not None else "",
        f"MAXFILESIZE {element.maxfilesize_mb} MB" if element.maxfilesize_mb is not None else "",
    ]
    return "\n".join(line for line in lines if line)


def _quoted_select(select: sa.SelectBase) -> str:
    # Rendered separately. In the outer compiler a value that is rendered at execution (the separator of
    # LISTAGG) would be inserted after the quotes have been doubled, and a % doubled for the driver would stay
    # doubled inside the quotes.
    text = render(select)
    if "\\" in text:
        # Our literals have none (literals.backslash_safe), so it comes from a text() or literal_column().
        # Redshift would read it as an escape twice, in the outer literal and in the inner one.
        raise CompileError("UNLOAD: a backslash in the SELECT's own text; write CHR(92), or bind the value")
    return "'" + text.replace("'", "''") + "'"
