"""What a look at a warehouse returns: its tables, its loads, and the files that wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from sparkify.etl.report import LoadRecord
from sparkify.etl.sources import Listing

__all__ = ["Status", "Waiting"]


@dataclass(frozen=True)
class Waiting:
    """The files of one source that the next load would read.

    :ivar changed: files that differ from what was loaded, and would stop the load.
    :ivar problem: why the source could not be listed; None when it could.
    """

    source: str
    uri: str
    files: int = 0
    bytes: int = 0
    known: int = 0
    changed: int = 0
    problem: str | None = None

    @classmethod
    def of(cls, source: str, listing: Listing, known: Mapping[str, str]) -> Self:
        """What waits of a listing, given the fingerprints of the files that were loaded."""
        new = [file for file in listing.files if file.uri not in known]
        changed = sum(known.get(file.uri, file.fingerprint) != file.fingerprint for file in listing.files)
        return cls(
            source=source,
            uri=listing.uri,
            files=len(new),
            bytes=sum(file.size for file in new),
            known=len(listing.files) - len(new) - changed,
            changed=changed,
        )


@dataclass(frozen=True)
class Status:
    """What a warehouse is and holds.

    :ivar url: where it is, with the password masked.
    :ivar exists: whether there is a database with tables in it.
    :ivar revision: of the migrations, as the database has it; None where none ever ran.
    :ivar head: the revision that this version of the library wants.
    :ivar rows: of each table of the star; empty unless ``revision`` is ``head``.
    :ivar loads: the last loads, newest first.
    """

    url: str
    engine: str
    exists: bool
    revision: str | None
    head: str | None
    rows: Mapping[str, int]
    loads: tuple[LoadRecord, ...]
    waiting: tuple[Waiting, ...]

    @property
    def at_head(self) -> bool:
        """Whether the tables are as this version of the library wants them."""
        return self.revision == self.head
