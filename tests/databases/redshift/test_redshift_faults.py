"""What a load does where the lock, the tidying up or an idle connection fails, and not what it loads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sparkify import SparkifyError, TemporaryError, Warehouse
from sparkify.databases.redshift.database import Redshift
from sparkify.etl.observer import Observer
from tests.databases.redshift.test_redshift_load import one_play
from tests.support.cloud import Cloud
from tests.support.data import rows
from tests.support.making import event


@pytest.fixture
def empty(cloud: Cloud) -> Iterator[Warehouse]:
    """A warehouse on the stand-in with tables, and nothing in them."""
    with cloud.with_tables() as warehouse:
        yield warehouse


class Warnings(Observer):
    """Keeps them."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def warning(self, message: str) -> None:
        self.seen.append(message)


# -- the lock ----------------------------------------------------------------------------------------------


def test_load_tries_lock_again_whose_holder_is_gone(cloud: Cloud, empty: Warehouse, tmp_path: Path) -> None:
    """The LOCK was cancelled, and whoever had it ended before it was asked who that is."""
    one_play(cloud, tmp_path)
    fault = cloud.redshift.inject("cancel", "^LOCK load_lock")
    warnings = Warnings()
    assert empty.load(lock_timeout=0.5, observer=warnings).load_id == 1
    assert fault.fired == 1
    assert warnings.seen == []


def test_load_tries_lock_twice_whose_holder_is_unseen(cloud: Cloud, empty: Warehouse, tmp_path: Path) -> None:
    one_play(cloud, tmp_path)
    fault = cloud.redshift.inject("cancel", "^LOCK load_lock", times=None)
    with pytest.raises(TemporaryError, match="has the lock: a transaction that this user may not see; nothing"):
        empty.load(lock_timeout=0.5)
    assert fault.fired == 2
    cloud.redshift.clear_faults()
    assert empty.load().load_id == 1


# -- after the commit --------------------------------------------------------------------------------------

NO_ROOM = ("53100", "disk full")


def load_twice_over_tables_that_stay(cloud: Cloud, warehouse: Warehouse, folder: Path) -> Warnings:
    """Load, with temporary tables that cannot be dropped after the commit, and once more."""
    one_play(cloud, folder)
    warnings = Warnings()
    fault = cloud.redshift.inject("error", "^DROP TABLE", error=NO_ROOM)
    assert warehouse.load(observer=warnings).load_id == 1
    assert fault.fired == 1
    cloud.redshift.put_object("s3://plays/log_data/b.json", json.dumps(event(sessionId=2)).encode())
    assert warehouse.load(observer=warnings).load_id == 2
    return warnings


def test_load_after_temporary_tables_that_were_not_dropped(
    cloud: Cloud, empty: Warehouse, tmp_path: Path
) -> None:
    warnings = load_twice_over_tables_that_stay(cloud, empty, tmp_path)
    assert warnings.seen == ["loaded, but tidying up failed: disk full"]
    assert rows(empty, "SELECT session_id FROM songplays ORDER BY 1") == [(1,), (2,)]


def test_temporary_tables_that_stay_in_the_connection_are_seen(
    cloud: Cloud, empty: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: the pool gives the connection to the next load."""
    monkeypatch.setattr(Redshift, "discard", lambda *_: None)
    with pytest.raises(SparkifyError, match="already exists"):
        load_twice_over_tables_that_stay(cloud, empty, tmp_path)


def test_prune_says_in_the_same_words_that_tidying_failed(
    cloud: Cloud, empty: Warehouse, tmp_path: Path
) -> None:
    one_play(cloud, tmp_path)
    cloud.redshift.put_object("s3://plays/log_data/bad.json", b"{")
    empty.load(max_rejects=1)
    warnings = Warnings()
    cloud.redshift.inject("error", "^ANALYZE", error=NO_ROOM)
    assert empty.prune(rejects_older_than="0h", observer=warnings).rejects == 1
    assert warnings.seen == ["removed, but tidying up failed: disk full"]
    assert rows(empty, "SELECT count(*) FROM rejected_rows") == [(0,)]
