"""What the status of a warehouse is made of: its tables, its loads, and the pending files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from sparkify.etl.listing import Listing
from sparkify.etl.report import LoadRecord, StepReport

__all__ = ["PendingFiles", "Status"]


@dataclass(frozen=True)
class PendingFiles:
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
        """What is pending of a listing, given the fingerprints of the files that were loaded."""
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
    :ivar head: the revision that the pipeline needs.
    :ivar rows: of each table of the star; empty unless ``revision`` is ``head``.
    :ivar loads: the last loads, newest first.
    :ivar steps: what the newest load did, in order, and how long each step took.
    :ivar notices: what should be known of the rows: made by older rules, or before a column was filled.
    """

    url: str
    engine: str
    exists: bool
    revision: str | None
    head: str | None
    rows: Mapping[str, int]
    loads: tuple[LoadRecord, ...]
    steps: tuple[StepReport, ...]
    notices: tuple[str, ...]
    pending: tuple[PendingFiles, ...]

    @property
    def at_head(self) -> bool:
        """Whether the tables are at the revision that the pipeline needs."""
        return self.revision == self.head
