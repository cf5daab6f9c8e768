"""Records a failed load in a table of its database, over a connection other than that of the load."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Engine

# Before any model of the ledger: otherwise the first column with an option for Redshift would import
# sqlalchemy-redshift, and with it Alembic.
import sparkify.redshift.options  # noqa: F401
from sparkify.config.secrets import redact
from sparkify.etl.adapter import Adapter
from sparkify.etl.declarations import Ledger
from sparkify.etl.failures import record_failure, settle_failures
from sparkify.etl.journal import FailedLoad, Journal, Origin
from sparkify.etl.observer import Observer
from sparkify.etl.session import Session
from sparkify.etl.translation import first_line

__all__ = ["TableJournal"]


class TableJournal(Journal):
    """Records a failed load; what a load has committed is in the ledger."""

    def __init__(self, adapter: Adapter, engine: Engine, ledger: Ledger, observer: Observer) -> None:
        super().__init__()
        self._adapter = adapter
        self._engine = engine
        self._ledger = ledger
        self._observer = observer
        self._started_at: datetime | None = None

    def open(self, origin: Origin) -> None:
        self._started_at = origin.started_at

    def nothing_new(self) -> None:
        if (started_at := self._started_at) is not None:
            self._write(
                lambda session: settle_failures(session, self._adapter, self._ledger, started_at),
                otherwise="failures before this load are still shown",
            )

    def failed(self, failure: FailedLoad) -> None:
        if failure.step == "connect":
            # Nothing has answered, or there are no tables. Another try would only take as long again.
            return
        masked = replace(failure, error=redact(failure.error))
        self._write(
            lambda session: record_failure(session, self._adapter, self._ledger, masked),
            otherwise="this failure is not remembered",
        )

    def _write(self, write: Callable[[Session], None], *, otherwise: str) -> None:
        """Write over a separate connection; if anything fails, warn what that means."""
        try:
            with self._engine.connect() as connection:
                write(Session(self._adapter, connection))
        except Exception as exc:
            # Whatever it is, the load ends as it would without a journal.
            known = self._adapter.translate(exc)
            reason = known.found if known else first_line(exc)
            self._observer.warning(f"{self._ledger.failures.name}: {otherwise}: {reason}")
