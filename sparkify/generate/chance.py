"""Chance that gives the same results on every machine: numbers from a key, and tables to draw from.

``random.Random`` guarantees the same ``random()`` for the same seed forever, but not the same ``choices`` or
``gauss``; and ``log`` and ``pow`` differ in the last digit from one C library to the next. So everything here
needs only integers, ``+ - * /`` (exact by IEEE 754) and :meth:`random.Random.random`.
"""

from bisect import bisect
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Generic, TypeVar

T = TypeVar("T")

_MASK = 2**64 - 1


def scramble(seed: int, salt: int, number: int) -> int:
    """A 64-bit number that looks random and depends only on the three arguments.

    The finisher of SplitMix64 (Steele, Lea and Flood, 2014), twice: 1 us, while seeding a ``Random`` takes 5.
    """
    x = (seed + salt * 0x9E3779B97F4A7C15) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    x = ((x ^ (x >> 31)) + (number + 1) * 0x9E3779B97F4A7C15) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return x ^ (x >> 31)


def share(bits: int) -> float:
    """64 random bits as a number in [0, 1)."""
    return (bits >> 11) / 2**53


def quantile(knots: Sequence[float], u: float) -> float:
    """The value below which a share ``u`` of a distribution lies, given its quantiles at equal intervals."""
    place = u * (len(knots) - 1)
    below = min(int(place), len(knots) - 2)
    return knots[below] + (knots[below + 1] - knots[below]) * (place - below)


class Weighted(Generic[T]):
    """Things to draw in proportion to their weights.

    >>> Weighted({"often": 3, "seldom": 1}.items()).at(0.8)
    'seldom'
    """

    def __init__(self, pairs: Iterable[tuple[T, float]]) -> None:
        pairs = list(pairs)
        self.things = [thing for thing, _ in pairs]
        self.cumulative = list(accumulate(weight for _, weight in pairs))
        self.total = self.cumulative[-1]

    def at(self, u: float) -> T:
        """The thing that ``u``, a number in [0, 1), falls on."""
        # Never past the last: u * total may be rounded up to the total.
        return self.things[bisect(self.cumulative, u * self.total, 0, len(self.things) - 1)]


def waiting(mean: float, most: int) -> list[float]:
    """For each k, the chance that an exponential wait with this mean is over within k whole steps.

    ``bisect(waiting(...), u)`` then draws a whole number from 0 to ``most``.
    """
    stays = mean / (1 + mean)
    chances, left = [], 1.0
    for _ in range(most):
        left *= stays
        chances.append(1 - left)
    return chances
