"""Simulated logs and song metadata with the format and the faults of the real ones.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     made = generate(folder, events=1000, songs=50, days=7)
>>> made.events, made.log_files, made.songs
(1000, 7, 50)
"""

import os
import shutil
import tempfile
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from sparkify.etl.workers import Workers, usable_processors
from sparkify.generate.parts import INT
from sparkify.generate.simulating import Block, simulate
from sparkify.generate.world import Plan, World
from sparkify.generate.writing import Spill, json_paths, number_sessions, write_day, write_songs

__all__ = ["Generated", "generate"]

# With fewer events, additional processes take longer to start than they save.
_WORTH_A_PROCESS = 100_000
# One song file takes about as long as this many events.
_EVENTS_PER_SONG_FILE = 40
_SONGS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Generated:
    """What was written.

    ``log_data``, ``song_data``, ``log_json_path``: the two folders and the JSONPaths file. ``plays``: the
    events that play a song; ``users``: distinct userIds in the logs, without ''; ``songs``: songs in the
    catalogue, one file each; ``bytes``: of all files together; ``seconds``: how long it took.
    """

    log_data: Path
    song_data: Path
    log_json_path: Path
    log_files: int
    song_files: int
    events: int
    plays: int
    sessions: int
    users: int
    songs: int
    bytes: int
    seconds: float


def generate(
    directory: str | os.PathLike[str],
    *,
    events: int = 10_000,
    songs: int = 500,
    days: int = 30,
    seed: int = 0,
    start: date = date(2018, 11, 1),
    compress: bool = False,
    processes: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Generated:
    """Write simulated logs and song metadata into the directory. Returns what was written.

    ``log_data/YYYY/MM/YYYY-MM-DD-events.json`` holds the events of one UTC day, by time (``.json.gz`` with
    ``compress``); together they hold exactly as many ``events`` as asked for. A day without an event has no
    file; that happens only with fewer events than about ``days + 20``. ``song_data/A/B/C/TRABC....json``
    holds one of the ``songs`` of the catalogue, which has only a part of what is played. ``log_json_path.json``
    names the keys for COPY.

    The same arguments give the same files, byte for byte, whatever the number of ``processes`` (None: one, or
    one for each processor if that is faster). Compressed files are the same as long as zlib is.

    ``progress`` is called in this process with the number of events written since it was last called.

    The directory is created if necessary. Until all is written, everything is in a hidden folder within it,
    which is removed at the end and on failure: no partial simulation is left. Disk space: about 480 bytes
    per event, 65 with ``compress``, and one block per song. Memory: some 300 MB per process, more for a
    catalogue of more than 100,000 songs.

    :raises ValueError: if a number is below 1, or the calendar ends before the days do.
    :raises FileExistsError: if the directory is a file, if ``log_data`` or ``song_data`` holds anything
        already, or if ``log_json_path.json`` differs from what would be written. Nothing is written then.
    """
    began = time.perf_counter()
    target = Path(directory)
    _check(events=events, songs=songs, days=days, start=start, processes=processes)
    finished = _Finished(target)
    finished.check_free()
    new = not target.exists()
    target.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".sparkify-generate-", dir=target.absolute()))
    try:
        plan = Plan(
            events=events,
            songs=songs,
            days=days,
            seed=seed,
            start=date(start.year, start.month, start.day),
            compress=compress,
            scratch=scratch,
        )
        with Workers(World, plan, processes or _worthwhile_processes(events, songs)) as workers:
            plays, sessions, users = _simulate(plan, workers)
            log_files, log_bytes = _write_logs(plan, workers, progress)
            song_bytes = _write_songs(plan, workers)
        finished.take(plan)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        if new:
            # We created it, and remove it if it is still empty, that is, after a failure.
            with suppress(OSError):
                target.rmdir()
    return Generated(
        log_data=finished.log_data,
        song_data=finished.song_data,
        log_json_path=finished.log_json_path,
        log_files=log_files,
        song_files=songs,
        events=events,
        plays=plays,
        sessions=sessions,
        users=users,
        songs=songs,
        bytes=log_bytes + song_bytes + finished.log_json_path.stat().st_size,
        seconds=time.perf_counter() - began,
    )


def _simulate(plan: Plan, workers: Workers[World]) -> tuple[int, int, int]:
    """Write all events to the scratch folder. Returns the numbers of plays, of sessions and of users."""
    spill = Spill(plan)
    starts = array(INT)
    plays = users = 0
    for block in _blocks(plan, workers):
        spill.add(block.slices, len(starts))
        starts.extend(block.starts)
        plays += block.plays
        users += block.users
    spill.flush()
    number_sessions(starts, plan)
    return plays, len(starts), users


def _write_logs(plan: Plan, workers: Workers[World], progress: Callable[[int], None] | None) -> tuple[int, int]:
    """Write the events as lines of the logs. Returns the numbers of files and of bytes."""
    files = size = 0
    for events, its_bytes in workers.map(write_day, range(plan.days)):
        if events:
            files += 1
            size += its_bytes
            if progress:
                progress(events)
    return files, size


def _write_songs(plan: Plan, workers: Workers[World]) -> int:
    """Write the catalogue. Returns the number of bytes."""
    catalogue = workers.state.universe.catalogue()
    rows = range(0, plan.songs, _SONGS_AT_ONCE)
    return sum(workers.map(write_songs, ((row, catalogue[row : row + _SONGS_AT_ONCE]) for row in rows)))


def _blocks(plan: Plan, workers: Workers[World]) -> Iterator[Block]:
    """Blocks of listeners in order, the last one cut so that together they have the events asked for."""
    room = plan.events

    def tasks() -> Iterator[tuple[int, int]]:
        number = 0
        while True:
            yield number, room
            number += 1

    for number, block in enumerate(workers.map(simulate, tasks())):
        if block.events > room:
            # Another process simulated it when there was more room.
            block = simulate(workers.state, (number, room))
        room -= block.events
        yield block
        if not room:
            return


class _Finished:
    """Where the finished files go."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.log_data = target / "log_data"
        self.song_data = target / "song_data"
        self.log_json_path = target / "log_json_path.json"

    def check_free(self) -> None:
        """:raises FileExistsError: if something is in the way."""
        if self.target.exists() and not self.target.is_dir():
            raise FileExistsError(f"{self.target} is no folder: choose another one (nothing was written)")
        for folder in (self.log_data, self.song_data):
            if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
                raise FileExistsError(
                    f"{folder} is not empty, and nothing is overwritten: choose another directory, or empty"
                    " this one (nothing was written)"
                )
        if self.log_json_path.exists() and self.log_json_path.read_bytes() != json_paths():
            raise FileExistsError(
                f"{self.log_json_path} is another file than would be written, and nothing is overwritten:"
                " choose another directory, or move the file (nothing was written)"
            )

    def take(self, plan: Plan) -> None:
        """Move the finished folders to their place, if it is still free: each year and each first letter."""
        self.check_free()
        for made, folder in ((plan.log_data, self.log_data), (plan.song_data, self.song_data)):
            folder.mkdir(exist_ok=True)
            for part in sorted(made.iterdir()):
                shutil.move(part, folder / part.name)
        self.log_json_path.write_bytes(json_paths())


def _check(*, events: int, songs: int, days: int, start: date, processes: int | None) -> None:
    for name, number in (("events", events), ("songs", songs), ("days", days), ("processes", processes)):
        if number is not None and number < 1:
            raise ValueError(f"{name} is {number}, but must be at least 1 (nothing was written)")
    if days > (date.max - date(start.year, start.month, start.day)) // timedelta(days=1):
        raise ValueError(f"{days} days from {start} end after the year {date.max.year} (nothing was written)")


def _worthwhile_processes(events: int, songs: int) -> int:
    return max(1, min(usable_processors(), (events + songs * _EVENTS_PER_SONG_FILE) // _WORTH_A_PROCESS))
