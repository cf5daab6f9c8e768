"""Write the files: compact events in the scratch folder, daily logs, songs, the JSONPaths file."""

from __future__ import annotations

import gzip
import json
from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from sparkify.generate.lines import KEYS
from sparkify.generate.parts import INT, unpack
from sparkify.generate.world import Plan, World

# Some 2 MB per write.
_LINES_AT_ONCE = 4096
_SPILL_BYTES = 32 * 2**20


class Spill:
    """Parts of sessions, by slice: held in memory up to 32 MB, then appended to one file per slice.

    What is added first is read first, and blocks are added in order, whatever the number of processes.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._waiting: defaultdict[int, list[bytes]] = defaultdict(list)
        self._bytes = 0

    def add(self, slices: Mapping[int, array[int]], first_session: int) -> None:
        """Add the parts of one block, whose first session has this number among all sessions."""
        for number, packed in slices.items():
            self._waiting[number] += (array(INT, [first_session, len(packed)]).tobytes(), packed.tobytes())
            self._bytes += len(packed) * packed.itemsize
        if self._bytes > _SPILL_BYTES:
            self.flush()

    def flush(self) -> None:
        for number, chunks in self._waiting.items():
            with self._plan.slice_file(number).open("ab") as file:
                file.writelines(chunks)
        self._waiting.clear()
        self._bytes = 0


def number_sessions(starts: array[int], plan: Plan) -> None:
    """Write the sessionId of each session: from 1, day by day, as a service that counts would assign them."""
    following: defaultdict[int, int] = defaultdict(int)
    for day in starts:
        following[day] += 1
    first = 1
    for day in sorted(following):
        first, following[day] = first + following[day], first
    ids = array(INT)
    for day in starts:
        ids.append(following[day])
        following[day] += 1
    plan.session_ids.write_bytes(ids.tobytes())


def write_day(world: World, day: int) -> tuple[int, int]:
    """Write the events of a day into one file, by time, without a final newline; no file if there are none.

    Returns the numbers of events and of bytes written. The day's slices are deleted.
    """
    plan = world.plan
    slices = [path for number in plan.slicing.of_day(day) if (path := plan.slice_file(number)).exists()]
    if not slices:
        return 0, 0
    date = world.rhythm.date_of(day).isoformat()
    path = plan.log_data / date[:4] / date[5:7] / f"{date}-events.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    if plan.compress:
        path = path.with_name(path.name + ".gz")
    events = 0
    with _opened(path, compress=plan.compress) as file:
        for found in slices:
            lines = _sorted_lines(world, found, day)
            found.unlink()
            for begin in range(0, len(lines), _LINES_AT_ONCE):
                if events or begin:
                    file.write(b"\n")
                file.write("\n".join(lines[begin : begin + _LINES_AT_ONCE]).encode("ascii"))
            events += len(lines)
    return events, path.stat().st_size


def write_songs(world: World, task: tuple[int, list[int]]) -> int:
    """Write a file for each of these songs of the catalogue, given the row of the first of them.

    Returns the number of bytes written.
    """
    first, songs = task
    universe = world.universe
    written = 0
    folders: dict[str, Path] = {}
    for row, song in enumerate(songs, first):
        letters, name = universe.track(row)
        if letters not in folders:
            folders[letters] = world.plan.song_data / letters
            folders[letters].mkdir(parents=True, exist_ok=True)
        with (folders[letters] / name).open("xb", buffering=0) as file:
            written += file.write(universe.metadata(song).encode("ascii"))
    return written


def json_paths() -> bytes:
    """The JSONPaths file for the events, formatted like the real one: COPY takes the columns in this order."""
    return json.dumps({"jsonpaths": [f"$['{key}']" for key in KEYS]}, indent=4).encode("ascii")


def _sorted_lines(world: World, found: Path, day: int) -> list[str]:
    numbers = array(INT)
    numbers.frombytes(found.read_bytes())
    ids, scribe = world.session_ids, world.scribe
    milliseconds = world.rhythm.milliseconds(day)
    lines: list[str] = []
    seconds: list[int] = []
    for first_session, packed in _chunks(numbers):
        for part in unpack(packed):
            lines += scribe.write(part, ids[first_session + part.session], milliseconds)
            seconds += part.seconds
    # A stable sort: within a second, the lower listener comes first, and of one listener the earlier item.
    return [lines[place] for place in sorted(range(len(lines)), key=seconds.__getitem__)]


def _chunks(numbers: array[int]) -> Iterator[tuple[int, array[int]]]:
    place = 0
    while place < len(numbers):
        first_session, length = numbers[place : place + 2]
        yield first_session, numbers[place + 2 : place + 2 + length]
        place += 2 + length


@contextmanager
def _opened(path: Path, *, compress: bool) -> Iterator[BinaryIO]:
    with path.open("xb") as file:
        if not compress:
            yield file
            return
        # No time and no name in the header: the same events give the same bytes.
        with gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=4, mtime=0) as packed:
            yield cast("BinaryIO", packed)
