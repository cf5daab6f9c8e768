"""Lists the files of the sources of a load, and refuses what must be a mistake."""

from __future__ import annotations

from collections.abc import Mapping

from sparkify.etl.errors import ConfigurationError, EmptySource
from sparkify.etl.lister import list_files
from sparkify.etl.listing import Listing
from sparkify.etl.observer import Observer
from sparkify.etl.request import LoadRequest

__all__ = ["list_sources"]

_NAMED = 5
"""How many files a warning names."""


def list_sources(request: LoadRequest, observer: Observer | None = None) -> dict[str, Listing]:
    """The files that each source has now. This is a read-only operation.

    Files with names that cannot be read are named in a warning. A folder that exists but is empty is reported
    in a warning and left out, as long as another source has files.

    :raises EmptySource: when a source does not exist or has only skipped files, or when no source has a file.
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
    for listing in listings.values():
        if listing.unreadable:
            (observer or Observer()).warning(_unreadable(listing))
    _refuse_shared_files(listings)
    return listings


def _unreadable(listing: Listing) -> str:
    """The warning about files whose names cannot be read."""
    count = len(listing.unreadable)
    named = ", ".join(listing.unreadable[:_NAMED]) + (f" and {count - _NAMED:,} more" if count > _NAMED else "")
    files, have = ("1 file", "has a name") if count == 1 else (f"{count:,} files", "have names")
    return f"{listing.uri}: {files} {have} that cannot be read, and will not be loaded; rename: {named}"


def _refuse_shared_files(listings: Mapping[str, Listing]) -> None:
    owners: dict[str, str] = {}
    for name, listing in listings.items():
        # One set operation for all files: there may be 100,000.
        new = dict.fromkeys((file.uri for file in listing.files), name)
        if shared := sorted(owners.keys() & new.keys()):
            more = f" (and {len(shared) - 1:,} more)" if len(shared) > 1 else ""
            raise ConfigurationError(
                f"is a file of {owners[shared[0]]} and of {name}{more}",
                where=shared[0],
                hint="Give each source a folder of its own.",
            )
        owners |= new
