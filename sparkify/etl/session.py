"""The one way to a database during a load: every statement passes through :meth:`Session.run`.

A :class:`Session` sends what it is given. A dry run (:mod:`sparkify.etl.dry_run`) is given the same and records
it. Both group the statements by the steps of the load, log each step, and keep what it took.
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
"""Characters of a statement in the log: what a statement holds beyond them are rows."""

_LOGGED_HERE = {"logged": True}
"""An execution option by which a listener of the engine sees that it need not log the statement again."""


class Renderer(templates.Renderer, Protocol):
    """As much of an adapter as a session needs."""

    def inserts(
        self, table: Table, rows: Sequence[Mapping[str, Any]]
    ) -> Iterator[tuple[ClauseElement | str, tuple[Any, ...]]]:
        """The statements that insert many rows, each with its parameters."""

    def inline(self, text: str, parameters: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
        """The text of a statement and the parameters that the driver is given with it."""


@dataclass(frozen=True)
class Outcome:
    """What a statement answered. In a dry run nothing: no row, and 0.

    :ivar rowcount: how many rows it touched; 0 of a SELECT.
    :ivar rows: of a SELECT.
    """

    rowcount: int = 0
    rows: Sequence[Any] = ()

    @property
    def value(self) -> Any:
        """The first column of the first row; 0 where there is none."""
        return self.rows[0][0] if self.rows else 0


@dataclass
class Step:
    """A step that is under way: how many rows its statements touched, and in a dry run their texts."""

    title: str
    rows: int = 0
    statements: list[str] = field(default_factory=list)


class Session:
    """Sends the statements of one load over one connection.

    :ivar load_id: for the statements and the log; None before the number of the load is known.
    :ivar steps: what was done so far, in order.
    :ivar last_step: the one that is under way, or the last that was; None before the first.
    :ivar limits: of the batch, which the statements have as literals; none before it is staged.
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
        """Send a statement, and return what it answered.

        :param statement: as SQLAlchemy has it, also compiled before, or the text of what it has no words for.
        :param apart: another connection, as of :meth:`connect_apart`, over which it is sent.
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
        """The text of a statement as it is sent now."""
        values = LoadValues(self.limits, self.load_id)
        if isinstance(statement, Template):
            return statement.text(self._adapter, values)
        return self._adapter.render(statement, limits=values)

    def read(self, select: SelectBase) -> Sequence[Row[Any]]:
        """The rows of a SELECT that decide what the load does. A dry run with a connection reads them too."""
        return self.run(select).rows

    def fetch(self, select: SelectBase) -> Sequence[Sequence[Any]]:
        """The rows of a SELECT as the driver has them, without names: for very many. Else as :meth:`read`."""
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
        # A driver may answer an INSERT with a row that has the count.
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
        """Commit it."""
        self._open.commit()

    def rollback(self) -> None:
        """Undo it, if there is one."""
        self._open.rollback()

    def discard(self) -> None:
        """Close the connection, so that the pool gives it to nobody."""
        self._open.invalidate()

    def connect_apart(self, duplicate: Callable[[Any], Any]) -> Connection | None:
        """Another connection, each of whose statements is a transaction of its own; None in a dry run.

        :param duplicate: makes one of the driver from that of this session: the pool may have but one.
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
        """The connection of the driver; None in a dry run."""
        return None if self._connection is None else self._connection.connection.dbapi_connection

    # -- steps ---------------------------------------------------------------------------------------------

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Let what is run in the block count as one step, and log how long it took."""
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
    """The rows as the cursor of the driver gives them: SQLAlchemy's take three times as long."""
    cursor = result.cursor
    rows: Sequence[Any] = () if cursor is None else cursor.fetchall()
    result.close()
    return rows
