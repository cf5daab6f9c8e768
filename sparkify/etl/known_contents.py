"""Reads what the ledger records about the content of files, and updates their fingerprints there."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Table, case, select, update

from sparkify.etl.contents import LoadedContent
from sparkify.etl.listing import SourceFile
from sparkify.etl.session import Session

__all__ = ["read_contents", "refresh"]

_FEW = 100
"""The most files that a query names one by one, and that one statement updates."""


def read_contents(
    session: Session, files: Table, wanted: Sequence[tuple[str, SourceFile]]
) -> dict[tuple[str, str], LoadedContent]:
    """What is recorded about the content of files, by source and uri; maybe of more than were asked for."""
    query = select(files.c.source, files.c.uri, files.c.bytes, files.c.content_hash)
    if len(wanted) <= _FEW:
        query = query.where(files.c.uri.in_([file.uri for _, file in wanted]))
    return {(source, uri): LoadedContent(int(size), found) for source, uri, size, found in session.fetch(query)}


def refresh(session: Session, files: Table, touched: Sequence[tuple[str, SourceFile]]) -> None:
    """Record the new fingerprints of files that look different but have the same content."""
    for start in range(0, len(touched), _FEW):
        some = touched[start : start + _FEW]
        for name in sorted({name for name, _ in some}):
            now = {file.uri: file.fingerprint for of, file in some if of == name}
            session.run(
                update(files)
                .where(files.c.source == name, files.c.uri.in_(list(now)))
                .values(fingerprint=case(now, value=files.c.uri, else_=files.c.fingerprint))
            )
