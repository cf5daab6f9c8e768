"""Listeners and songs by Zipf's law: how many distinct ones occur, and the shares of the most frequent.

``sparkify.generate`` is not used: it writes 50,000 lines of JSON a second and knows 250,000 songs, but only the
frequency of each key is needed here. The law is the one of ``sparkify/generate``, for any number of keys, and
computed, not sampled; ``python -m benchmarks.slices --logs FOLDER`` counts generated files instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import exp

__all__ = ["HEAD", "Population", "Scale", "Sizes"]

HEAD = 10_000
"""The most frequent keys, which are treated one by one; the others are treated in ranges."""

_STEP = 1.05
"""The ratio of the lengths of consecutive ranges of keys in the tail."""


@dataclass(frozen=True)
class Population:
    """Keys with ranks from 0, of weight 1 / (rank + blunt) ** power + floor.

    :ivar most: the maximum share of a key.
    """

    number: int
    power: float = 1.0
    blunt: float = 14.0
    floor: float = 0.0
    most: float = 1.0

    @cached_property
    def shares(self) -> Sequence[tuple[int, float]]:
        """The number of keys and the share of each: first single keys, then ranges."""
        weights = [(number, self._weight(rank)) for rank, number in self._ranges()]
        total = sum(number * weight for number, weight in weights)
        limited = [(number, min(weight / total, self.most)) for number, weight in weights]
        # What the cap takes from the most frequent keys is distributed over all.
        left = sum(number * share for number, share in limited)
        return [(number, share / left) for number, share in limited]

    def different(self, draws: float) -> float:
        """The expected number of distinct keys in so many draws."""
        return sum(number * (1 - exp(-draws * share)) for number, share in self.shares)

    def counts(self, draws: float) -> tuple[dict[int, float], float]:
        """Draws of each of the most frequent keys by rank, and the sum of all others."""
        head = {rank: draws * share for rank, (number, share) in enumerate(self.shares[:HEAD]) if number == 1}
        return head, max(draws - sum(head.values()), 0.0)

    def _weight(self, rank: float) -> float:
        return float((rank + self.blunt) ** -self.power) + self.floor

    def _ranges(self) -> Iterator[tuple[float, int]]:
        for rank in range(min(self.number, HEAD)):
            yield rank, 1
        first = HEAD
        while first < self.number:
            last = min(int(first * _STEP) + 1, self.number)
            yield (first + last) / 2, last - first
            first = last


@dataclass(frozen=True)
class Sizes:
    """Numbers of rows: of a day, of 30 days, and of the whole history."""

    plays: float
    month_plays: float
    all_plays: float
    users: float
    month_users: float
    all_users: float
    matches: float
    month_matches: float
    all_matches: float
    new_matches: float
    moments: float
    all_moments: float
    sessions: float
    month_sessions: float
    all_songs: float
    all_artists: float
    all_levels: float
    changed_levels: float


_MS_A_DAY = 86_400_000.0
_KNOWN = 0.75
"""The share of the played songs that the catalogue has."""
_NEW = 0.02
"""The share of a day's songs that nobody played before: the law has a fixed number of songs."""
_PLAYS_A_SESSION = 7.0
_SONGS_AN_ARTIST = 8.0
_LEVELS_A_USER = 1.1
_CHANGES_OF_LEVEL = 0.003
"""The share of a day's users whose level changes: 9 of 96 in the real month."""


@dataclass(frozen=True)
class Scale:
    """A service of a given size.

    :ivar songs: distinct (artist, title, length) that may be played.
    :ivar catalogue: songs in the catalogue.
    :ivar blunt: how little the top songs stand out: 14 in generated and in real logs (the first has 0.5 %), 1
        if there are hits (7 %).
    """

    title: str
    plays: float
    users: int
    songs: int
    catalogue: int
    days: int = 1096
    blunt: float = 14.0

    @cached_property
    def listeners(self) -> Population:
        """The listeners: ten of 96 make 62 % of the real plays, a power of 1.1, but a day holds 300 songs."""
        return Population(self.users, power=1.1, blunt=1.0, most=300 / self.plays)

    @cached_property
    def played(self) -> Population:
        """The songs played."""
        return Population(self.songs, blunt=self.blunt, floor=5 / self.songs)

    @property
    def inferred_share(self) -> float:
        """The share of the rows of ``songs`` that the catalogue does not have."""
        return 1 - self.catalogue / self.sizes.all_songs

    @cached_property
    def sizes(self) -> Sizes:
        """Rows of the tables, from the number of distinct keys in so many plays."""
        plays, month, everything = self.plays, 30 * self.plays, self.days * self.plays
        users, matches = self.listeners.different, self.played.different
        all_matches, all_users = matches(everything), users(everything)
        songs = self.catalogue + (1 - _KNOWN) * all_matches
        new_users = all_users - users(everything - plays)
        moments = _MS_A_DAY * (1 - exp(-plays / _MS_A_DAY))
        return Sizes(
            plays=plays,
            month_plays=month,
            all_plays=everything,
            users=users(plays),
            month_users=users(month),
            all_users=all_users,
            matches=matches(plays),
            month_matches=matches(month),
            all_matches=all_matches,
            new_matches=_NEW * matches(plays),
            moments=moments,
            all_moments=self.days * moments,
            sessions=plays / _PLAYS_A_SESSION,
            month_sessions=month / _PLAYS_A_SESSION,
            all_songs=songs,
            all_artists=songs / _SONGS_AN_ARTIST,
            all_levels=_LEVELS_A_USER * all_users,
            changed_levels=new_users + _CHANGES_OF_LEVEL * users(plays),
        )
