"""What Redshift keeps of the last COPY of a session: the lines of each file, and the errors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sparkify.etl.errors import SourceError
from sparkify.etl.listing import SourceFile
from sparkify.etl.session import Session

__all__ = ["by_file", "lines_read", "load_errors"]

_NAME = 256
"""Bytes of the name of a file that are kept (AWS: SYS_LOAD_DETAIL); a key of S3 has up to 1,024."""


def by_file(read: Mapping[str, int], files: Sequence[SourceFile]) -> dict[str, int] | None:
    """By uri, how many lines COPY read of each file; None where names are alike in what is kept of them.

    :param read: as :func:`lines_read` returns it.
    :raises SourceError: when a file was read that is not among these.
    """
    alike: dict[str, list[str]] = defaultdict(list)
    for file in files:
        alike[file.uri.encode()[:_NAME].decode(errors="ignore").strip(" ")].append(file.uri)
    if strangers := sorted(set(read) - set(alike)):
        raise SourceError(strangers[0], "was read by COPY and is not among the files to load")
    if any(len(alike[name]) > 1 for name in read):
        return None
    return {alike[name][0]: lines for name, lines in read.items()}


def lines_read(session: Session) -> dict[str, int]:
    """How many lines the last COPY read of each file, by as much of its name as is kept."""
    found = session.run(
        "SELECT trim(file_name) AS uri, sum(lines_scanned) AS lines FROM sys_load_detail "
        "WHERE query_id = pg_last_copy_id() GROUP BY 1"
    )
    return {row.uri: int(row.lines) for row in found.rows}


def load_errors(session: Session) -> list[str]:
    """What is kept of the last COPY of this session that failed, each as file, line, column, reason."""
    found = session.run(
        "SELECT trim(file_name) AS uri, line_number, trim(column_name) AS name, "
        "trim(error_message) AS reason FROM sys_load_error_detail WHERE query_id = "
        "(SELECT max(query_id) FROM sys_load_error_detail WHERE session_id = pg_backend_pid()) "
        "ORDER BY 1, 2 LIMIT 10"
    )
    session.rollback()
    return [f"{row.uri}:{row.line_number}: {row.name}: {row.reason}" for row in found.rows]
