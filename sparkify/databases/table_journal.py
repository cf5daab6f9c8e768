"""Remembers a load that failed in a table of its database, over a connection that is not that of the load."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Engine, Table

# Before any model of the ledger: the first column with an option for Redshift would import sqlalchemy-redshift,
# and with it Alembic.
import sparkify.redshift.options  # noqa: F401
from sparkify.config.secrets import redact
from sparkify.etl.adapter import Adapter
from sparkify.etl.failures import record_failure
from sparkify.etl.journal import FailedLoad, Journal
from sparkify.etl.observer import Observer
from sparkify.etl.session import Session

__all__ = ["TableJournal"]


class TableJournal(Journal):
    """Remembers a load that failed; what a load has committed is in the ledger."""

    def __init__(self, adapter: Adapter, engine: Engine, failures: Table, observer: Observer) -> None:
        super().__init__()
        self._adapter = adapter
        self._engine = engine
        self._failures = failures
        self._observer = observer

    def failed(self, failure: FailedLoad) -> None:
        if failure.step == "connect":
            # Nobody has answered, or there are no tables. To try again would only take as long again.
            return
        masked = replace(failure, error=redact(failure.error))
        try:
            with self._engine.connect() as connection:
                record_failure(Session(self._adapter, connection), self._adapter, self._failures, masked)
        except Exception as exc:
            # Whatever it is: the user is to see why the load has failed.
            known = self._adapter.translate(exc)
            reason = known.found if known else (str(exc).strip() or type(exc).__name__).splitlines()[0]
            self._observer.warning(f"this failure is not in {self._failures.name}: {reason}")
