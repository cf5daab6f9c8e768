"""What all attempts of a load share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sparkify.etl.adapter import Adapter, Batch
from sparkify.etl.declarations import Pipeline
from sparkify.etl.journal import Journal
from sparkify.etl.listing import Listing
from sparkify.etl.observer import Observer
from sparkify.etl.request import LoadRequest

__all__ = ["Context", "utc_now"]


@dataclass(frozen=True)
class Context:
    """What all attempts of a load share.

    :ivar journal: remembers what becomes of it.
    :ivar version: of the software, for the load history.
    :ivar started: when the load began, UTC without zone.
    """

    adapter: Adapter
    pipeline: Pipeline
    request: LoadRequest
    listings: Mapping[str, Listing]
    batch: Batch
    observer: Observer
    journal: Journal
    version: str
    started: datetime


def utc_now() -> datetime:
    """UTC without zone, as every time in the warehouse is."""
    return datetime.now(UTC).replace(tzinfo=None)
