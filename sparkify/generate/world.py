"""What is simulated, and what each process knows about it."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

from sparkify.generate.catalogue import Jukebox, Universe
from sparkify.generate.lines import Scribe
from sparkify.generate.listeners import FIRST, Listener
from sparkify.generate.parts import INT, Slicing
from sparkify.generate.rhythm import Rhythm

# Some 20 MB of text: a slice of 60 MB, too large for the processor's caches, takes a fifth longer.
_EVENTS_PER_SLICE = 40_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What to simulate. Every process has the same plan, and everything follows from it.

    ``scratch``: the folder where processes leave files for each other.
    """

    events: int
    songs: int
    days: int
    seed: int
    start: date
    compress: bool
    scratch: Path

    @property
    def slicing(self) -> Slicing:
        return Slicing(-(-self.events // (self.days * _EVENTS_PER_SLICE)))

    @property
    def most_events_of_one(self) -> int:
        """The limit that leaves room for all of the first listeners, who ensure that no day is empty."""
        return max(1, self.events // FIRST)

    @property
    def log_data(self) -> Path:
        return self.scratch / "log_data"

    @property
    def song_data(self) -> Path:
        return self.scratch / "song_data"

    @property
    def session_ids(self) -> Path:
        return self.scratch / "session-ids"

    def slice_file(self, number: int) -> Path:
        return self.scratch / f"slice-{number}"


class World:
    """A process's view of the plan; its larger parts are created on first use."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.rhythm = Rhythm(plan.start, plan.days)
        self.universe = Universe(seed=plan.seed, songs=plan.songs, events=plan.events)

    @cached_property
    def jukebox(self) -> Jukebox:
        return Jukebox(self.universe)

    @cached_property
    def scribe(self) -> Scribe:
        return Scribe(self.universe, self.listener)

    @cached_property
    def session_ids(self) -> array[int]:
        """The sessionId of each session, in the order in which they were simulated."""
        ids = array(INT)
        ids.frombytes(self.plan.session_ids.read_bytes())
        return ids

    def listener(self, number: int) -> Listener:
        return Listener(number, seed=self.plan.seed, rhythm=self.rhythm)
