"""The result of a SELECT on Redshift as frames, Arrow and Parquet: from the driver's rows, or by UNLOAD."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Boolean, Connection, CursorResult, Date, Double, Integer, SelectBase, String, select
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.types import TIMESTAMP, TypeEngine

from sparkify.databases.rows import unique
from sparkify.etl.errors import ConfigurationError
from sparkify.etl.locations import is_s3, split_s3
from sparkify.redshift import Unload, UnloadError, render

__all__ = ["arrow_type", "names", "tuples", "write_parquet"]


def tuples(result: CursorResult[*tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The rows as plain tuples."""
    rows: Iterable[Any] = result
    return [tuple(row) for row in rows]


def names(result: CursorResult[*tuple[Any, ...]]) -> list[str]:
    """The names of the columns, made unique."""
    return list(unique(list(result.keys())))


def arrow_type(arrow: Any, column: TypeEngine[Any]) -> Any:
    """The Arrow type that DuckDB gives such a column; None if it has to be inferred from the values."""
    for kind, of in (
        (Boolean, arrow.bool_()),
        (Integer, arrow.int64()),
        (Double, arrow.float64()),
        (Date, arrow.date32()),
        (TIMESTAMP, arrow.timestamp("us")),
        (String, arrow.string()),
    ):
        if isinstance(column, kind):
            return of
    return None


def write_parquet(
    connection: Connection,
    statement: SelectBase,
    target: str,
    *,
    iam_role: str,
    region: str | None,
    kms_key: str | None,
    overwrite: bool,
) -> None:
    """Unload to S3: the slices write several files in parallel, which do not keep the order of the SELECT.

    :param kms_key: the key that encrypts the files; None: as the bucket is configured.
    :param overwrite: first remove what is below the target. ALLOWOVERWRITE would leave files of an earlier,
        larger UNLOAD among those of this one.
    :raises ConfigurationError: for a target that is not on S3, or when it would empty a whole bucket.
    """
    if not is_s3(target):
        raise ConfigurationError("Redshift writes to S3 alone", where=target, hint="Give s3://bucket/prefix.")
    if overwrite:
        # CLEANPATH removes all keys that begin with the target; the slash keeps it within the folder.
        target = f"{target.rstrip('/')}/"
        if not split_s3(target)[1].strip("/"):
            raise ConfigurationError(
                "would empty the whole bucket", where=target, hint="Give a folder in it: s3://bucket/folder/."
            )
    # UNLOAD takes no LIMIT in the outer SELECT, so ours becomes the inner one.
    inner = statement.subquery("rows_to_unload")
    try:
        rows = select(*inner.c)
    except InvalidRequestError as exc:
        raise ConfigurationError(
            "two columns have one name", where=target, hint="Give each its label."
        ) from exc
    try:
        unload = Unload(
            rows, to=target, iam_role=iam_role, region=region, cleanpath=overwrite, kms_key_id=kms_key
        )
    except UnloadError as exc:
        raise ConfigurationError(str(exc), where=target) from exc
    connection.exec_driver_sql(render(unload))
    connection.commit()
