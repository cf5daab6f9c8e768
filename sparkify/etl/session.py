"""The one way to a database during a load: every statement passes through a :class:`Session`.

A session sends what it is given. A dry run (:mod:`sparkify.etl.dry_run`) is given the same statements and
records them. Both group them by the steps of the load, log each step, and keep what it took.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import ClauseElement, Connection, CursorResult, Row, SelectBase, Table
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import NullPool

from sparkify.etl import templates
from sparkify.etl.ranges import Limits
from sparkify.etl.results import StepReport
from sparkify.etl.templates import LoadValues, Template

__all__ = ["Outcome", "Renderer", "Session", "Step"]

log = logging.getLogger("sparkify.etl")

_LONGEST_LOGGED = 2_000
"""Characters of a statement that are logged: beyond them a statement contains only rows."""

_LOGGED_HERE = {"logged": True}
"""An execution option that tells a listener of the engine not to log the statement again."""


class Renderer(templates.Renderer, Protocol):
    """The part of an adapter that a session needs."""

    def inserts(
        self, table: Table, rows: Sequence[Mapping[str, Any]]
    ) -> Iterator[tuple[ClauseElement | str, tuple[Any, ...]]]:
        """The statements that insert many rows, each with its parameters."""

    def inline(self, text: str, parameters: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
        """The text of a statement, and the parameters to give to the driver with it."""


@dataclass(frozen=True)
class Outcome:
    """The result of a statement. Empty in a dry run: no rows, and 0.

    :ivar rowcount: how many rows it touched; 0 for a SELECT.
    :ivar rows: the rows of a SELECT.
    """

    rowcount: int = 0
    rows: Sequence[Any] = ()

    @property
    def value(self) -> Any:
        """The first column of the first row; 0 if there is none."""
        return self.rows[0][0] if self.rows else 0


@dataclass
class Step:
    """A step in progress: how many rows its statements touched, and in a dry run their texts."""

    title: str
    rows: int = 0
    statements: list[str] = field(default_factory=list)


class Session:
    """Sends the statements of one load over one connection.

    :ivar load_id: for the statements and the log; None before the number of the load is known.
    :ivar steps: the steps done so far, in order.
    :ivar last_step: the title of the step in progress, or of the last one; None before the first.
    :ivar limits: the limits of the batch, which statements contain as literals; empty before it is staged.
    """

    dry_run = False

    def __init__(self, adapter: Renderer, connection: Connection | None) -> None:
        self._adapter = adapter
        self._connection = connection
        self._step: Step | None = None
        self.load_id: int | None = None
        self.steps: list[StepReport] = []
        self.last_step: str | None = None
        self.limits: Limits = {}

    # -- statements ----------------------------------------------------------------------------------------

    def run(
        self,
        statement: ClauseElement | Template | str,
        parameters: tuple[Any, ...] = (),
        *,
        apart: Connection | None = None,
    ) -> Outcome:
        """Send a statement, and return its result.

        :param statement: a SQLAlchemy construct, a template, or text for what SQLAlchemy has no construct for.
        :param apart: another connection to send it over, such as that of :meth:`connect_apart`.
        """
        text = statement if isinstance(statement, str) else self.text(statement)
        match statement:
            case str():
                reads = text[:6].upper() == "SELECT"
            case Template():
                reads = statement.reads
            case _:
                reads = isinstance(statement, SelectBase)
        outcome = self._send(text, parameters, reads=reads, apart=apart)
        if self._step is not None:
            self._step.rows += outcome.rowcount
        return outcome

    def text(self, statement: ClauseElement | Template) -> str:
        """The text of a statement as it would be sent now."""
        values = LoadValues(self.limits, self.load_id)
        if isinstance(statement, Template):
            return statement.text(self._adapter, values)
        return self._adapter.render(statement, limits=values)

    def read(self, select: SelectBase) -> Sequence[Row[Any]]:
        """The rows of a SELECT that decides what the load does. A dry run with a connection reads them too."""
        return self.run(select).rows

    def fetch(self, select: SelectBase) -> Sequence[Sequence[Any]]:
        """The rows of a SELECT as the driver returns them, unnamed: for very many. Else as :meth:`read`."""
        return self._send(self.text(select), named=False).rows

    def insert(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert many rows of values that came from outside. All rows have the same keys."""
        if rows:
            for statement, parameters in self._adapter.inserts(table, rows):
                self.run(statement, parameters)

    def _send(
        self,
        text: str,
        parameters: tuple[Any, ...] = (),
        *,
        reads: bool = True,
        named: bool = True,
        apart: Connection | None = None,
    ) -> Outcome:
        clock = time.perf_counter()
        sent, bound = self._adapter.inline(text, parameters)
        connection = self._open if apart is None else apart
        result = connection.exec_driver_sql(sent, bound or None, execution_options=_LOGGED_HERE)
        # A driver may return a row with the count for an INSERT.
        outcome = (
            Outcome(rows=result.all() if named else _plain(result))
            if reads and result.returns_rows
            else Outcome(rowcount=max(result.rowcount, 0))
        )
        if log.isEnabledFor(logging.DEBUG):
            seconds = time.perf_counter() - clock
            log.debug(
                "%.3f s: %s",
                seconds,
                text[:_LONGEST_LOGGED],
                extra={"load_id": self.load_id, "step": self._step and self._step.title, "seconds": seconds},
            )
        return outcome

    # -- transactions --------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Begin a transaction."""
        self._open.begin()

    def commit(self) -> None:
        """Commit the transaction."""
        self._open.commit()

    def rollback(self) -> None:
        """Roll back the transaction, if there is one."""
        self._open.rollback()

    def discard(self) -> None:
        """Close the connection, so that the pool does not hand it out again."""
        self._open.invalidate()

    def connect_apart(self, duplicate: Callable[[Any], Any]) -> Connection | None:
        """Another connection, on which each statement is a transaction of its own; None in a dry run.

        :param duplicate: makes a driver connection from that of this session: the pool may have only one.
        """
        engine = self._open.engine
        pool = NullPool(lambda: duplicate(self.driver_connection), dialect=engine.dialect)
        return Connection(engine, connection=pool.connect()).execution_options(isolation_level="AUTOCOMMIT")

    @property
    def _open(self) -> Connection:
        assert self._connection is not None  # noqa: S101 - a dry run, which may have none, sends nothing
        return self._connection

    @property
    def driver_connection(self) -> DBAPIConnection | None:
        """The connection of the driver; None if the session has no connection, as a dry run may."""
        return None if self._connection is None else self._connection.connection.dbapi_connection

    # -- steps ---------------------------------------------------------------------------------------------

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Count what runs in the block as one step, and log how long it took."""
        self._step = step = Step(title)
        self.last_step = title
        clock = time.perf_counter()
        try:
            yield
        except BaseException:
            self._log(step, time.perf_counter() - clock, "failed after")
            raise
        finally:
            self._step = None
        self._finish(step, time.perf_counter() - clock)

    def _finish(self, step: Step, seconds: float) -> None:
        self.steps.append(StepReport(title=step.title, rows=step.rows, seconds=seconds))
        self._log(step, seconds, f"{step.rows:,} {'row' if step.rows == 1 else 'rows'},")

    def _log(self, step: Step, seconds: float, outcome: str) -> None:
        log.info(
            "%s: %s %.3f s",
            step.title,
            outcome,
            seconds,
            extra={"load_id": self.load_id, "step": step.title, "rows": step.rows, "seconds": seconds},
        )


def _plain(result: CursorResult[Any]) -> Sequence[Any]:
    """The rows as the cursor of the driver returns them: SQLAlchemy's rows take three times as long."""
    cursor = result.cursor
    rows: Sequence[Any] = () if cursor is None else cursor.fetchall()
    result.close()
    return rows
