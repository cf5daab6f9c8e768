"""Records a load without executing it: the statements that it would send, grouped by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, SelectBase, Table, literal_column

from sparkify.etl.results import StepReport
from sparkify.etl.session import Outcome, Renderer, Session, Step

__all__ = ["DryRun", "PlannedStep"]


@dataclass(frozen=True)
class PlannedStep:
    """One step of a load and its SQL, as a dry run prints it.

    :ivar statements: in the order in which they would be sent. ``:name`` is a placeholder for a value, and
        ``$1`` for a parameter, that is known only when the load runs.
    """

    title: str
    statements: tuple[str, ...]


class DryRun(Session):
    """Records the statements of a load, and sends none that writes.

    :param connection: used to send the SELECTs that decide what the load does; None: there is no connection,
        and the load is planned as for an empty warehouse.
    :ivar planned: the steps recorded.
    """

    dry_run = True

    def __init__(self, adapter: Renderer, connection: Connection | None) -> None:
        super().__init__(adapter, connection)
        self.planned: list[PlannedStep] = []

    def read(self, select: SelectBase) -> Sequence[Row[Any]]:
        """Record the SELECT, and return its rows if there is a connection."""
        text = self.text(select)
        self._record(text)
        return () if self._connection is None else super()._send(text).rows

    def connect_apart(self, duplicate: Callable[[Any], Any]) -> None:
        """Return None: nothing is sent over another connection either."""

    def fetch(self, select: SelectBase) -> Sequence[Sequence[Any]]:
        """As :meth:`read`."""
        return self.read(select)

    def insert(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Record an INSERT of one row, with the names of the values as placeholders."""
        unknown: list[dict[str, Any]] = [{name: literal_column(f":{name}") for name in row} for row in rows[:1]]
        super().insert(table, unknown)

    def begin(self) -> None:
        """Record BEGIN."""
        with self.step("begin"):
            self._record("BEGIN")

    def commit(self) -> None:
        """Record COMMIT."""
        with self.step("commit"):
            self._record("COMMIT")

    def rollback(self) -> None:
        """Do nothing: no transaction was begun."""

    def _send(self, text: str, parameters: tuple[Any, ...] = (), **_how: Any) -> Outcome:
        self._record(text)
        return Outcome()

    def _record(self, text: str) -> None:
        if self._step is not None:
            self._step.statements.append(text)

    def _finish(self, step: Step, seconds: float) -> None:
        if step.statements:
            self.steps.append(StepReport(title=step.title, rows=0, seconds=seconds))
            self.planned.append(PlannedStep(step.title, tuple(step.statements)))
