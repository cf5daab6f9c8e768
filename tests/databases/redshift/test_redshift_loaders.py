"""Simultaneous loads of the same files on Redshift: each file loads once, and losers learn who has the lock."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from sparkify import TemporaryError
from tests.databases.redshift.test_redshift_load import HOLDER
from tests.support.cloud import Cloud
from tests.support.data import rows
from tests.support.making import event, song

TOLD = rf"75: Redshift: another load has the lock: {HOLDER}; nothing was changed\. Try again later\."


def load(cloud: Cloud, begin: Barrier, timeout: float) -> str:
    """What became of one load: which one it was, nothing new, or who had the lock."""
    with cloud.warehouse() as warehouse:
        begin.wait()
        try:
            report = warehouse.load(lock_timeout=timeout)
        except TemporaryError as stopped:
            return f"{stopped.exit_code}: {stopped}"
        return "nothing new" if report.nothing_new else f"load {report.load_id}"


def race(cloud: Cloud, loaders: int, timeout: float) -> list[str]:
    """What became of some loads that begin at the same moment."""
    begin = Barrier(loaders)
    with ThreadPoolExecutor(loaders) as pool:
        # The first always has time: on a busy machine even a free lock may take long.
        timeouts = [600, *[timeout] * (loaders - 1)]
        return sorted(pool.map(lambda seconds: load(cloud, begin, seconds), timeouts))


def test_loads_at_once_load_each_file_once(cloud: Cloud, scale: int) -> None:
    """With ``--scale 50``, make loaders: eight of them, a hundred rounds."""
    loaders, rounds = (3, 2) if scale == 1 else (8, 2 * scale)
    with cloud.with_tables() as warehouse:
        cloud.redshift.put_object("s3://plays/song_data/a.json", json.dumps(song()).encode())
        for number in range(1, rounds + 1):
            for part in range(2):
                line = json.dumps(event(sessionId=number, itemInSession=part))
                cloud.redshift.put_object(f"s3://plays/log_data/{number}-{part}.json", line.encode())
            # In every other round there is almost no time to wait for the lock.
            found = race(cloud, loaders, timeout=0.05 if number % 2 else 600)
            assert found.count(f"load {number}") == 1
            others = [one for one in found if one != f"load {number}"]
            lost = [one for one in others if one != "nothing new"]
            assert all(number % 2 and re.fullmatch(TOLD, one) for one in lost), lost
        assert rows(warehouse, "SELECT count(*), count(DISTINCT session_id) FROM songplays") == [
            (2 * rounds, rounds)
        ]
        assert rows(warehouse, "SELECT load_id, files FROM load_history ORDER BY 1") == [
            (number, 3 if number == 1 else 2) for number in range(1, rounds + 1)
        ]
        assert [str(result) for result in warehouse.check() if not result.ok] == []
