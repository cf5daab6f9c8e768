"""What Redshift keeps of the last COPY of a session: the lines of each file, and the errors."""

from __future__ import annotations

from sparkify.etl.session import Session

__all__ = ["lines_read", "load_errors"]


def lines_read(session: Session) -> dict[str, int]:
    """How many lines the last COPY read of each file."""
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
