"""What all attempts of a load share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sparkify.etl.adapter import Adapter, Batch
from sparkify.etl.declarations import Pipeline
from sparkify.etl.journal import Journal
from sparkify.etl.listing import Listing
from sparkify.etl.observer import Observer
from sparkify.etl.request import LoadRequest

__all__ = ["Context"]


@dataclass(frozen=True)
class Context:
    """What all attempts of a load share.

    :ivar journal: records the outcome of the load.
    :ivar version: the version of the software, for the load history.
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
