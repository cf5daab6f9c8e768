"""Lists what the sources of a load have, and refuses what cannot be meant."""

from __future__ import annotations

from collections.abc import Mapping

from sparkify.etl.attempt import LoadRequest
from sparkify.etl.errors import ConfigurationError, EmptySource
from sparkify.etl.listing import Listing
from sparkify.etl.observer import Observer
from sparkify.etl.sources import list_files

__all__ = ["list_sources"]


def list_sources(request: LoadRequest, observer: Observer | None = None) -> dict[str, Listing]:
    """What each source has now. This is a read-only operation.

    A folder that is there and empty is reported as a warning, and left out while another source has files.

    :raises EmptySource: when a source is not there, or has nothing but what is passed over, or none has a file.
    :raises ConfigurationError: when two sources have the same file.
    """
    listings: dict[str, Listing] = {}
    empty: dict[str, EmptySource] = {}
    for name, uri in request.uris.items():
        try:
            listings[name] = list_files(uri, request.aws)
        except EmptySource as exc:
            if not exc.exists:
                raise
            empty[name] = exc
    if empty and not listings:
        raise next(iter(empty.values()))
    for name, nothing in empty.items():
        (observer or Observer()).warning(
            f"{nothing.uri}: no file of {name}; loading {', '.join(listings)} only"
        )
    _refuse_shared_files(listings)
    return listings


def _refuse_shared_files(listings: Mapping[str, Listing]) -> None:
    owners: dict[str, str] = {}
    for name, listing in listings.items():
        # At once: there may be 100,000 files.
        new = dict.fromkeys((file.uri for file in listing.files), name)
        if shared := sorted(owners.keys() & new.keys()):
            more = f" (and {len(shared) - 1:,} more)" if len(shared) > 1 else ""
            raise ConfigurationError(
                f"is a file of {owners[shared[0]]} and of {name}{more}",
                where=shared[0],
                hint="Give each source a folder of its own.",
            )
        owners |= new
