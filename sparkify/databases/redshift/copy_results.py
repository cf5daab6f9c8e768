"""What Redshift records about the last COPY of a session: rows loaded, lines read of each file, and errors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sparkify.etl.errors import SourceError
from sparkify.etl.session import Session

__all__ = ["Names", "Refused", "lines_read", "refused_by_failed_copy", "refused_by_last_copy", "rows_loaded"]

_NAME = 256
"""Bytes of a file name that Redshift keeps (AWS: SYS_LOAD_DETAIL); an S3 key has up to 1,024."""


@dataclass(frozen=True)
class Refused:
    """A line that COPY refused.

    :ivar name: the name of the file, as far as Redshift keeps it.
    :ivar line: counts from 1; the last line of a JSON object that spans several.
    """

    name: str
    line: int
    column: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}:{self.line}: {self.column}: {self.reason}"


class Names:
    """The objects of a COPY, by the part of their names that Redshift keeps."""

    def __init__(self, uris: Iterable[str]) -> None:
        self._uris: dict[str, list[str]] = defaultdict(list)
        for uri in uris:
            self._uris[uri.encode()[:_NAME].decode(errors="ignore").strip(" ")].append(uri)

    def of(self, name: str) -> list[str]:
        """The objects that a name may stand for: several if their names differ only beyond the part kept.

        :raises SourceError: when there is none.
        """
        if name not in self._uris:
            raise SourceError(name, "was read by COPY and is not among the files to load")
        return self._uris[name]

    def lines(self, read: Mapping[str, int]) -> dict[str, int]:
        """How many lines COPY read of each object that can be told from the others, by uri.

        :param read: as :func:`lines_read` returns it.
        :raises SourceError: when an object was read that is not among these.
        """
        return {self._uris[name][0]: lines for name, lines in read.items() if len(self.of(name)) == 1}

    @property
    def alike(self) -> list[str]:
        """The objects that cannot be told from another object by the part of the name kept."""
        return [uri for uris in self._uris.values() if len(uris) > 1 for uri in uris]


def rows_loaded(session: Session) -> int:
    """How many rows the last COPY loaded."""
    return int(session.run("SELECT pg_last_copy_count()").value)


def lines_read(session: Session) -> dict[str, int]:
    """How many lines the last COPY read of each object, by the part of its name that Redshift keeps."""
    found = session.run(
        "SELECT trim(file_name) AS uri, sum(lines_scanned) AS lines FROM sys_load_detail "
        "WHERE query_id = pg_last_copy_id() GROUP BY 1"
    )
    return {row.uri: int(row.lines) for row in found.rows}


def refused_by_last_copy(session: Session) -> list[Refused]:
    """The lines that the last COPY skipped, as far as Redshift keeps them: some of each slice."""
    return _refused(session, "pg_last_copy_id()")


def refused_by_failed_copy(session: Session) -> list[Refused]:
    """The lines that made the last COPY of this session fail, as far as Redshift keeps them."""
    found = _refused(
        session, "(SELECT max(query_id) FROM sys_load_error_detail WHERE session_id = pg_backend_pid())"
    )
    session.rollback()
    return found


def _refused(session: Session, query: str) -> list[Refused]:
    found = session.run(
        "SELECT trim(file_name) AS uri, line_number, trim(column_name) AS name, "
        f"trim(error_message) AS reason FROM sys_load_error_detail WHERE query_id = {query} ORDER BY 1, 2"
    )
    return [Refused(row.uri, int(row.line_number), row.name, row.reason) for row in found.rows]
