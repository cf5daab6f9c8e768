"""The log of a command on stderr: lines of text, or one JSON object a line."""

from __future__ import annotations

import json
import logging
import sys
import time
from datetime import UTC, datetime
from logging import DEBUG, INFO, WARNING
from typing import Any, Literal

__all__ = ["DEBUG", "INFO", "WARNING", "configure", "write_record"]

_sql = logging.getLogger("sparkify.sql")

_EXTRA = ("load_id", "step", "rows", "seconds")
"""The fields that the records of a load may carry in addition to the message."""

_PLUMBING = ("Context impl ", "Will assume ")
"""The beginnings of Alembic's messages about its own setup."""


def configure(level: int, log_format: Literal["text", "json"]) -> None:
    """Log this package and Alembic to stderr from ``level`` up, and every other package from WARNING up.

    At DEBUG every SQL statement is logged with its duration, including those of queries and migrations.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter() if log_format == "json" else _TextFormatter())
    # Only warnings of other packages, even at DEBUG: the AWS client logs passwords at that level.
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("sparkify").setLevel(level)
    logging.getLogger("alembic.runtime.migration").setLevel(level)
    if level > logging.DEBUG:
        handler.addFilter(lambda record: not record.getMessage().startswith(_PLUMBING))
    else:
        _log_statements()


def write_record(level: str, message: str) -> None:
    """Write a record of the command itself, whatever the log level.

    :param level: the name of its level: INFO, WARNING or ERROR.
    """
    number = logging.getLevelNamesMapping()[level]
    record = logging.LogRecord("sparkify.cli", number, __file__, 0, message, None, None)
    for handler in logging.getLogger().handlers:
        handler.handle(record)


class _TextFormatter(logging.Formatter):
    """``HH:MM:SS message``, in local time; with the name of the logger if it is not one of ours."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(message)s", "%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name that logging has
        """The line of a record, without its traceback."""
        if record.levelno >= logging.WARNING:
            record.message = f"{record.levelname.lower()}: {record.message}"
        if not record.name.startswith("sparkify"):
            record.message = f"{record.name}: {record.message}"
        return super().formatMessage(record)


class _JsonFormatter(logging.Formatter):
    """One JSON object: time (ISO 8601, UTC), level, logger, message, and what the record carries."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        moment = datetime.fromtimestamp(record.created, UTC)
        fields: dict[str, Any] = {
            "time": f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name in _EXTRA:
            if (value := getattr(record, name, None)) is not None:
                fields[name] = round(value, 6) if isinstance(value, float) else value
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        # ASCII: some readers treat other characters, such as U+0085, as the end of a line.
        return json.dumps(fields, default=str)


def _log_statements() -> None:
    """Log every statement except those of a load's session, which logs its own."""
    from sqlalchemy import Engine, event

    for name, listener in (("before_cursor_execute", _begin), ("after_cursor_execute", _end)):
        if not event.contains(Engine, name, listener):
            event.listen(Engine, name, listener)


def _begin(_connection: Any, _cursor: Any, _text: str, _values: Any, context: Any, _many: bool) -> None:
    context.sparkify_began = time.perf_counter()


def _end(_connection: Any, _cursor: Any, text: str, _values: Any, context: Any, _many: bool) -> None:
    if not context.execution_options.get("logged"):
        seconds = time.perf_counter() - context.sparkify_began
        _sql.debug("%.3f s: %s", seconds, text.strip(), extra={"seconds": seconds})
