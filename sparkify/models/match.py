"""How the song of a play was found: the tiers of matching, and the version of their rules."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

__all__ = ["RULES_VERSION", "Match"]

RULES_VERSION = 8
"""Increase it when a tier changes, or when any transform makes different rows from the same files.

The ledger records it with each load, and ``status`` and ``check`` report rows that an older version made.
"""


class Match(StrEnum):
    """A value of ``songplays.match``, in the order in which the tiers are tried: the first that matches wins.

    :ivar label: what was compared, in words for display.
    :ivar tier: the position in this order, from 1.

    >>> [(match.value, match.tier) for match in Match]
    [('exact', 1), ('title_artist', 2), ('normalized', 3), ('inferred', 4)]
    """

    EXACT = "exact", "title, artist and length"
    TITLE_ARTIST = "title_artist", "title and artist"
    NORMALIZED = "normalized", "title and artist, by letters and digits"
    INFERRED = "inferred", "not in the catalogue"

    label: str
    tier: int

    def __new__(cls, value: str, label: str) -> Self:
        """A member, whose tier is its position among the members."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.label = label
        member.tier = len(cls.__members__) + 1
        return member
