"""A rollback journal: what a checkpoint writes over, so that one that was cut off can be undone.

A checkpoint of DuckDB writes data to free blocks, and then a header that makes them count. But the blocks that
hold metadata it writes in place, with a checksum over all of each: where a kill or a power cut tears one, the
file never opens again. So these blocks and the headers are kept beside the file while a checkpoint runs.
Whoever opens it next and finds them there writes them back, unless the checkpoint was ended. DuckDB then has
the state before the checkpoint: what was committed since the one before is in its log.

The journal is a file beside the database, ``NAME.journal``::

    magic, count and size of the blocks, the three headers, the block numbers, the blocks, SHA-256 of all that

One without a right digest was being written, and the checkpoint had not begun.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from sparkify.databases.duckdb.descriptors import descriptor
from sparkify.databases.duckdb.header import HEADERS, Headers, read_headers
from sparkify.databases.replacing import sync
from sparkify.etl.disk import disk_error_in
from sparkify.etl.errors import SparkifyError

__all__ = ["METADATA_BLOCKS", "journal_of", "journaled", "undo_checkpoint"]

log = logging.getLogger("sparkify.duckdb")

METADATA_BLOCKS: Final = "SELECT block_id FROM pragma_metadata_info() ORDER BY block_id"
"""The blocks that a checkpoint of the database may write in place."""

_MAGIC = b"sparkify journal 1\n"
_COUNTS = struct.Struct("<QQ")
_DIGEST = hashlib.sha256().digest_size

_guard = threading.Lock()
_running: set[str] = set()
"""The journals of checkpoints that run in this process: its own locks do not keep it out."""


def journal_of(file: Path) -> Path:
    """Where the journal of a file is, while there is one."""
    return file.with_name(f"{file.name}.journal")


@contextmanager
def journaled(file: Path, blocks: Sequence[int]) -> Iterator[None]:
    """Run a checkpoint in the block; the next to open the file undoes it if it is cut off there.

    :param blocks: what :data:`METADATA_BLOCKS` finds, over the connection that the checkpoint runs on.
    :raises SparkifyError: when the journal cannot be written; then nothing was run.
    """
    journal = journal_of(file)
    with _guard:
        _running.add(str(journal.absolute()))
    try:
        try:
            _write(journal, descriptor(file), blocks)
        except OSError as exc:
            reason = SparkifyError(f"cannot be written: {exc.strerror}", where=str(journal))
            raise disk_error_in(str(exc)) or reason from exc
        yield
        # After an error it stays: how far the checkpoint came, the next to open the file finds out.
        journal.unlink()
    finally:
        with _guard:
            _running.discard(str(journal.absolute()))


def undo_checkpoint(file: Path) -> bool:
    """Undo a checkpoint of a file that was cut off, and remove its journal. Returns whether there was one.

    Does nothing while another process has the file open for writing, or where it may not be written.
    """
    journal = journal_of(file)
    if not journal.exists():
        return False
    with _guard:
        if str(journal.absolute()) in _running:
            return False
        with suppress(OSError):
            return _undo(file, journal)
    return False


def _undo(file: Path, journal: Path) -> bool:
    database = descriptor(file, os.O_RDWR)
    # The lock that DuckDB takes: nobody opens the file meanwhile.
    fcntl.lockf(database, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        with journal.open("rb") as opened:
            saved = _read(opened)
            undone = saved is not None and saved.was_cut_off(read_headers(database))
            if saved is not None and undone:
                saved.write_back(opened, database)
        journal.unlink()
    finally:
        fcntl.lockf(database, fcntl.LOCK_UN)
    if undone:
        log.warning("%s: a checkpoint that was cut off was undone; its log has what was committed", file)
    return undone


@dataclass(frozen=True)
class _Saved:
    """A journal that is whole.

    :ivar start: where in it the blocks begin.
    """

    headers: Headers
    blocks: tuple[int, ...]
    size: int
    start: int

    def was_cut_off(self, found: Headers) -> bool:
        """Whether the checkpoint was begun and not ended, given the headers that the file has now."""
        if found.main != self.headers.main or found.checkpoint > self.headers.checkpoint:
            # Another file, or the checkpoint was ended, and perhaps others after it.
            return False
        # One header is as it was, and the other too, or torn.
        return any(now == then for now, then in zip(found.pair, self.headers.pair, strict=True))

    def write_back(self, journal: BinaryIO, database: int) -> None:
        """Write everything where it was, the headers last."""
        journal.seek(self.start)
        for block in self.blocks:
            os.pwrite(database, journal.read(self.size), HEADERS + block * self.size)
        os.fsync(database)
        os.pwrite(database, self.headers.raw, 0)
        os.fsync(database)


def _write(journal: Path, database: int, blocks: Sequence[int]) -> None:
    headers = read_headers(database)
    size = headers.block_size
    # A block that is not in the file yet has nothing that could be torn.
    end = (os.fstat(database).st_size - HEADERS) // size
    kept = [block for block in blocks if block < end]
    digest = hashlib.sha256()
    with open(journal, "wb", opener=_private) as opened:

        def write(part: bytes) -> None:
            opened.write(part)
            digest.update(part)

        write(_MAGIC + _COUNTS.pack(len(kept), size) + headers.raw)
        write(struct.pack(f"<{len(kept)}Q", *kept))
        for block in kept:
            write(os.pread(database, size, HEADERS + block * size))
        opened.write(digest.digest())
        opened.flush()
        os.fsync(opened.fileno())
    sync(journal.parent)


def _private(path: str, flags: int) -> int:
    # It holds rows, as the database does.
    return os.open(path, flags, 0o600)


def _read(journal: BinaryIO) -> _Saved | None:
    """What a journal holds; None where it is not whole. Only the blocks are left to be read."""
    start = len(_MAGIC) + _COUNTS.size + HEADERS
    head = journal.read(start)
    if len(head) < start or not head.startswith(_MAGIC):
        return None
    count, size = _COUNTS.unpack_from(head, len(_MAGIC))
    length = start + 8 * count + count * size
    journal.seek(0, os.SEEK_END)
    if journal.tell() != length + _DIGEST:
        return None
    journal.seek(0)
    digest = hashlib.sha256()
    left = length
    while left:
        part = journal.read(min(left, 1 << 20))
        digest.update(part)
        left -= len(part)
    if journal.read() != digest.digest():
        return None
    journal.seek(start)
    blocks = struct.unpack(f"<{count}Q", journal.read(8 * count))
    return _Saved(Headers(head[-HEADERS:]), blocks, size, start + 8 * count)
