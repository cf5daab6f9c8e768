"""The Markov chain over pages: what a listener does next, and after how many seconds.

A state is (page, auth, status, method, level). The table gives the level, the page the rest; a page for
logged-out listeners has a name of its own here, with the prefix ``out:``. The probabilities are rounded from
those of the real logs.
"""

from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from sparkify.generate.catalogue import Jukebox
from sparkify.generate.chance import Weighted, waiting

Level = Literal["free", "paid"]


@dataclass(frozen=True, slots=True)
class Page:
    """The part of a state that one event shows, besides the level."""

    name: str
    auth: str = "Logged In"
    status: int = 200
    method: str = "GET"


_STATES = {
    "NextSong": Page("NextSong", method="PUT"),
    "Home": Page("Home"),
    "About": Page("About"),
    "Help": Page("Help"),
    "Settings": Page("Settings"),
    "Save Settings": Page("Save Settings", status=307, method="PUT"),
    "Upgrade": Page("Upgrade"),
    "Submit Upgrade": Page("Submit Upgrade", status=307, method="PUT"),
    "Downgrade": Page("Downgrade"),
    "Submit Downgrade": Page("Submit Downgrade", status=307, method="PUT"),
    "Error": Page("Error", status=404),
    "Logout": Page("Logout", status=307, method="PUT"),
    "Login": Page("Login", auth="Logged Out", status=307, method="PUT"),
    "out:Home": Page("Home", auth="Logged Out"),
    "out:About": Page("About", auth="Logged Out"),
    "out:Help": Page("Help", auth="Logged Out"),
}
PAGES: tuple[Page, ...] = tuple(_STATES.values())
STATE = {name: number for number, name in enumerate(_STATES)}
NEXT_SONG = STATE["NextSong"]
_END = -1

# After a song, another follows with this probability; what else may follow is below.
_ANOTHER: dict[Level, float] = {"free": 0.501, "paid": 0.923}

_FIRST: dict[Level, dict[str, float]] = {
    "free": {
        "NextSong": 57,
        "Home": 40,
        "out:Home": 1.2,
        "Login": 1.4,
        "About": 0.3,
        "Help": 0.1,
        "Error": 0.1,
    },
    "paid": {"NextSong": 45, "Home": 28, "out:Home": 20, "Login": 7},
}

_OUT: dict[str, dict[str, float]] = {
    "out:Home": {"end": 37, "Login": 37, "out:Home": 14, "out:About": 8, "out:Help": 4},
    "out:About": {"end": 50, "Login": 28, "out:Home": 14, "out:About": 8},
    "out:Help": {"end": 44, "Login": 22, "out:Help": 34},
    "Logout": {"out:Home": 1},
    "Login": {"Home": 1},
}

_THEN: dict[Level, dict[str, dict[str, float]]] = {
    "free": {
        "NextSong": {
            "end": 439, "Logout": 21, "Home": 20, "Upgrade": 12, "Help": 2.4, "About": 1.6, "Settings": 1.6,
            "Error": 1,
        },
        "Home": {
            "NextSong": 55, "end": 38, "Settings": 3, "Home": 1.4, "Upgrade": 1.2, "Logout": 0.9,
            "About": 0.5,
        },
        "About": {"end": 60, "Home": 25, "NextSong": 15},
        "Help": {"NextSong": 50, "end": 32, "Home": 18},
        "Settings": {
            "NextSong": 44, "Save Settings": 15, "Home": 14, "Help": 11, "Settings": 8, "end": 8,
        },
        "Save Settings": {"Home": 1},
        "Upgrade": {"Submit Upgrade": 32, "Home": 25, "NextSong": 17, "end": 16, "Upgrade": 10},
        "Submit Upgrade": {"Home": 1},
        "Error": {"NextSong": 45, "end": 40, "Home": 15},
        **_OUT,
    },
    "paid": {
        "NextSong": {
            "end": 23.3, "Home": 21, "Logout": 9.3, "Downgrade": 9, "Settings": 5.5, "Help": 5.2,
            "About": 2.2, "Error": 1.3,
        },
        "Home": {
            "NextSong": 86, "end": 6.6, "Settings": 2.9, "Logout": 2.2, "Downgrade": 1.8,
            "About": 0.5,
        },
        "About": {"end": 35, "About": 20, "NextSong": 26, "Home": 19},
        "Help": {"NextSong": 84, "Downgrade": 5, "Home": 4, "Help": 3, "end": 4},
        "Settings": {
            "NextSong": 57, "Save Settings": 19, "Settings": 7, "Logout": 7, "Home": 5, "Help": 5,
        },
        "Save Settings": {"Home": 1},
        "Downgrade": {"NextSong": 59, "end": 18, "Home": 17, "Downgrade": 5, "Submit Downgrade": 1},
        "Submit Downgrade": {"Home": 1},
        "Error": {"end": 60, "NextSong": 20, "Home": 20},
        **_OUT,
    },
}  # fmt: skip
_CHANGES: dict[int, Level] = {STATE["Submit Upgrade"]: "paid", STATE["Submit Downgrade"]: "free"}


def _numbered(chances: dict[str, float]) -> Weighted[int]:
    return Weighted((STATE.get(name, _END), weight) for name, weight in chances.items())


_FIRST_STATE = {level: _numbered(chances) for level, chances in _FIRST.items()}
_NEXT_STATE = {
    level: {STATE[name]: _numbered(chances) for name, chances in table.items()}
    for level, table in _THEN.items()
}
_REDIRECT = [page.status // 100 == 3 for page in PAGES]
# How many songs follow the first before anything else happens: drawn at once, as most events are songs.
_MORE_SONGS = {level: waiting(another / (1 - another), 300) for level, another in _ANOTHER.items()}
# Seconds between pages: mean 200, median 73. One exponential distribution cannot have both; an equal mix of a
# quick one and a slow one can.
_GAP = [(quick + slow) / 2 for quick, slow in zip(waiting(45, 3500), waiting(355, 3500), strict=True)]


@dataclass(slots=True)
class Session:
    """The events of one session: the second of each, and its song's number or its state's number negated.

    ``levels``: each level with the event from which on it holds, in order.
    """

    times: list[int]
    codes: list[int]
    levels: list[tuple[int, Level]]

    def cut(self, events: int) -> None:
        """Keep only the first events: a session is always contiguous from item 0."""
        del self.times[events:], self.codes[events:]
        # A change right after the last kept event stays: that event is its submit page.
        self.levels = [change for change in self.levels if change[0] <= events]


def walk(
    chance: Random,
    jukebox: Jukebox,
    level: Level,
    start: int,
    script: Sequence[int] = (),
    *,
    brief: bool = False,
) -> Session:
    """One session from its first page to its end.

    ``script``: states to visit first, before chance takes over; ``brief``: chance does not take over.
    """
    draw = chance.random
    cumulative, total, seconds = jukebox.cumulative, jukebox.total, jukebox.seconds
    guide, sections = jukebox.guide, jukebox.sections
    times: list[int] = []
    codes: list[int] = []
    levels = [(0, level)]
    script = list(reversed(script))
    now = start
    state = script.pop() if script else _FIRST_STATE[level].at(draw())
    while state != _END:
        if state == NEXT_SONG:
            more = 0 if script or brief else bisect(_MORE_SONGS[level], draw())
            for _ in range(1 + more):
                u = draw()
                section = int(u * sections)
                song = bisect(cumulative, u * total, guide[section], guide[section + 1])
                times.append(now)
                codes.append(song)
                now += seconds[song] or jukebox.play(song)
        else:
            times.append(now)
            codes.append(-state)
        if script:
            following = script.pop()
        elif brief:
            break
        else:
            following = _NEXT_STATE[level][state].at(draw())
        if state in _CHANGES:
            level = _CHANGES[state]
            levels.append((len(times), level))
        if following == NEXT_SONG:
            # The next song follows when this one is over; after another page, it never starts in the same
            # second, so that no listener starts two songs at once.
            if state != NEXT_SONG:
                now = times[-1] + max(1, bisect(_GAP, draw()))
        elif following != _END:
            now = times[-1] + (1 if _REDIRECT[following] else bisect(_GAP, draw()))
        state = following
    return Session(times, codes, levels)
