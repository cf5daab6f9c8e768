"""How the song of a play was found: the tiers of matching, and the version of their rules."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

__all__ = ["RULES_VERSION", "Match"]

RULES_VERSION = 8
"""Raise it when a tier changes, or any transform makes other rows of the same files.

The ledger keeps it with each load, and ``status`` and ``check`` tell of rows that an older version made.
"""


class Match(StrEnum):
    """A value of ``songplays.match``, in the order in which the tiers are tried: the first that matches wins.

    :ivar label: what was compared, in words for people.
    :ivar tier: the place in the order, from 1.

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
        """A member, whose tier is its place among the members."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.label = label
        member.tier = len(cls.__members__) + 1
        return member
