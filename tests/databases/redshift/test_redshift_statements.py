"""The number of statements that a Redshift load sends while it holds the lock and others wait."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import Table

from sparkify import Warehouse
from sparkify.etl.session import Session
from tests.support.cloud import Cloud
from tests.support.data import Data
from tests.support.making import event, song

MOST = 37
"""Statements between LOCK and COMMIT of a load of both sources, of which nothing is rejected: two of them sum
up what the load removes, while it is there, and what it adds."""


def under_the_lock(cloud: Cloud) -> list[str]:
    """The statements that were sent after the last LOCK and before the COMMIT of its transaction."""
    sent = cloud.redshift.statements
    lock = max(number for number, one in enumerate(sent) if one.sql.startswith("LOCK"))
    of_load = [one.sql for one in sent[lock + 1 :] if one.xid == sent[lock].xid]
    assert of_load[-1].upper() == "COMMIT"
    return of_load[:-1]


def load_days(cloud: Cloud, warehouse: Warehouse, data: Data, first: int, days: int) -> list[str]:
    """Load so many new files of each source, and return what was sent under the lock.

    Each has a song that was never played, or listed, before, and a song that is one of an earlier day.
    """
    for number in range(first, first + days):
        title = f"Song {number}"
        play = event(userId=str(number % 7), sessionId=number, song=title, level=("free", "paid")[number % 2])
        data.log(f"{number}.json", play, event(userId=str(number % 7), sessionId=number, itemInSession=1))
        data.song(f"{number}.json", song(song_id=f"SO{number}", title=f"Song {number - 1}"))
    cloud.put(data.logs, "log_data")
    cloud.put(data.songs, "song_data")
    cloud.redshift.clear_statements()
    report = warehouse.load()
    assert [source.files for source in report.sources] == [days, days]
    return under_the_lock(cloud)


def assert_few(cloud: Cloud, data: Data) -> None:
    """A load of 6 files and one of 300 send as many statements, and few."""
    with cloud.with_tables() as warehouse:
        load_days(cloud, warehouse, data, 0, 1)
        sent = load_days(cloud, warehouse, data, 1, 3)
        assert len(sent) <= MOST
        # One of them runs all checks.
        assert len([sql for sql in sent if sql.startswith("WITH checked_users")]) == 1
        assert [sql.split()[0] for sql in load_days(cloud, warehouse, data, 4, 150)] == [
            sql.split()[0] for sql in sent
        ]


def test_load_sends_few_statements_whatever_it_reads(cloud: Cloud, data: Data) -> None:
    assert_few(cloud, data)


def test_statement_for_each_file_is_seen(cloud: Cloud, data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control."""
    insert = Session.insert

    def one_by_one(self: Session, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        for row in rows:
            insert(self, table, [row])

    monkeypatch.setattr(Session, "insert", one_by_one)
    with pytest.raises(AssertionError):
        assert_few(cloud, data)
