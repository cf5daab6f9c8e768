"""A rollback journal: what a checkpoint overwrites, so that one that was cut off can be undone.

A checkpoint of DuckDB writes data to free blocks, and then a header that makes them count. But it writes the
blocks that hold metadata in place, each with a checksum over the whole block: if a kill or a power cut tears
one, the file never opens again. So these blocks and the headers are kept beside the file while a checkpoint
runs. Whoever opens the file next and finds them writes them back, unless the checkpoint was completed. DuckDB
then has the state before the checkpoint: what was committed since the previous one is in its log.

A migration is undone the same way, with the log that it began: DuckDB 1.5 does not replay every ALTER TABLE.

The journal is a file beside the database, ``NAME.journal``::

    magic, count and size of the blocks, the three headers, the block numbers, the blocks, SHA-256 of all that,
    and a byte: L if the log is removed too

If the digest is wrong, the journal was still being written, and the checkpoint had not begun.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Literal

from sparkify.databases.duckdb.descriptors import descriptor, is_open_here
from sparkify.databases.duckdb.header import HEADERS, Headers, read_headers
from sparkify.databases.permissions import not_writable
from sparkify.databases.replacing import sync
from sparkify.etl.disk import disk_error_in
from sparkify.etl.errors import SparkifyError

__all__ = ["METADATA_BLOCKS", "journal_of", "journaled", "log_of", "undo_checkpoint"]

log = logging.getLogger("sparkify.duckdb")

METADATA_BLOCKS: Final = "SELECT block_id FROM pragma_metadata_info() ORDER BY block_id"
"""The blocks that a checkpoint of the database may write in place."""

_MAGIC = b"sparkify journal 2\n"
_COUNTS = struct.Struct("<QQ")
_DIGEST = hashlib.sha256().digest_size
_WITH_LOG, _WITHOUT_LOG = b"L", b"-"

_guard = threading.Lock()
_running: set[str] = set()
"""The journals of checkpoints that run in this process, whose own locks do not keep it out."""


def journal_of(file: Path) -> Path:
    """Where the journal of a file is, while there is one."""
    return file.with_name(f"{file.name}.journal")


def log_of(file: Path) -> Path:
    """Where DuckDB keeps the log of a file, while there is one."""
    return file.with_name(f"{file.name}.wal")


@contextmanager
def journaled(
    file: Path, blocks: Sequence[int], *, with_log: bool = False, has_ended: Callable[[], bool] = lambda: False
) -> Iterator[None]:
    """Run a checkpoint in the block; if it is cut off there, the next to open the file undoes it.

    :param blocks: what :data:`METADATA_BLOCKS` finds, over the connection that runs the checkpoint.
    :param with_log: also undo what is committed in the block before its checkpoint. The file has no log yet.
    :param has_ended: whether an error has ended the database, so that this process commits nothing more to it.
    :raises SparkifyError: when the journal cannot be written, or that of a failed checkpoint is still there;
        then nothing was run.
    """
    journal = journal_of(file)
    database = descriptor(file)
    with _guard:
        _running.add(str(journal.absolute()))
    try:
        try:
            if journal.exists():
                _settle(journal, database)
            _write(journal, database, blocks, _WITH_LOG if with_log else _WITHOUT_LOG)
        except PermissionError as exc:
            raise not_writable(journal) from exc
        except OSError as exc:
            reason = SparkifyError(f"cannot be written: {exc.strerror}", where=str(journal))
            raise disk_error_in(f'file "{journal}": {exc}') or reason from exc
        try:
            yield
        except BaseException:
            if not has_ended():
                # This process continues, and what it commits from here on is in the log.
                with suppress(OSError):
                    _settle(journal, database)
            raise
        # If it cannot be removed, whoever finds it sees that its checkpoint was completed.
        with suppress(OSError):
            journal.unlink()
    finally:
        with _guard:
            _running.discard(str(journal.absolute()))


def undo_checkpoint(file: Path) -> Literal["a checkpoint", "a migration"] | None:
    """Undo a checkpoint or a migration of a file that was cut off. Returns what was undone.

    Does nothing while another process or DuckDB in this one has the file open, or if it may not be written.
    """
    journal = journal_of(file)
    if not journal.exists():
        return None
    with _guard:
        if str(journal.absolute()) in _running:
            return None
        with suppress(OSError):
            # Another thread may have undone it by now, and opened the file. The system grants our lock besides
            # that of DuckDB in this process, and drops both when ours is released.
            if journal.exists() and not is_open_here(file):
                return _undo(file, journal)
    return None


def _undo(file: Path, journal: Path) -> Literal["a checkpoint", "a migration"] | None:
    database = descriptor(file, os.O_RDWR)
    # The lock that DuckDB takes: nobody opens the file meanwhile.
    fcntl.lockf(database, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        with journal.open("rb") as opened:
            saved = _read(opened)
            undone = saved is not None and saved.was_cut_off(read_headers(database))
            if saved is not None and undone:
                saved.write_back(opened, database)
                if saved.with_log:
                    log_of(file).unlink(missing_ok=True)
                    sync(file.parent)
        journal.unlink()
    finally:
        fcntl.lockf(database, fcntl.LOCK_UN)
    if saved is None or not undone:
        return None
    if saved.with_log:
        log.warning("%s: a migration that was cut off was undone", file)
        return "a migration"
    log.warning("%s: a checkpoint that was cut off was undone; its log has what was committed", file)
    return "a checkpoint"


def _settle(journal: Path, database: int) -> None:
    """Remove a leftover journal, or make it undo only the checkpoint if that was begun."""
    with journal.open("r+b") as opened:
        saved = _read(opened)
        begun = saved is not None and saved.was_cut_off(read_headers(database))
        if saved is None or not begun or saved.is_untouched(opened, database):
            journal.unlink()
        else:
            opened.seek(-1, os.SEEK_END)
            opened.write(_WITHOUT_LOG)
            opened.flush()
            os.fsync(opened.fileno())


@dataclass(frozen=True)
class _Saved:
    """A complete journal.

    :ivar start: the offset at which its blocks begin.
    :ivar with_log: whether the log is to be removed too.
    """

    headers: Headers
    blocks: tuple[int, ...]
    size: int
    start: int
    with_log: bool

    def was_cut_off(self, found: Headers) -> bool:
        """Whether the checkpoint was not completed, given the headers that the file has now."""
        if found.main != self.headers.main or found.checkpoint > self.headers.checkpoint:
            # Another file, or the checkpoint was completed, and perhaps others after it.
            return False
        # One header is unchanged, and the other unchanged or torn.
        return any(now == then for now, then in zip(found.pair, self.headers.pair, strict=True))

    def is_untouched(self, journal: BinaryIO, database: int) -> bool:
        """Whether everything is as it was."""
        journal.seek(self.start)
        return read_headers(database) == self.headers and all(
            os.pread(database, self.size, HEADERS + block * self.size) == journal.read(self.size)
            for block in self.blocks
        )

    def write_back(self, journal: BinaryIO, database: int) -> None:
        """Write everything back to where it was, the headers last."""
        journal.seek(self.start)
        for block in self.blocks:
            os.pwrite(database, journal.read(self.size), HEADERS + block * self.size)
        os.fsync(database)
        os.pwrite(database, self.headers.raw, 0)
        os.fsync(database)


def _write(journal: Path, database: int, blocks: Sequence[int], ending: bytes) -> None:
    headers = read_headers(database)
    size = headers.block_size
    # A block that is not in the file yet has nothing that could be torn.
    end = (os.fstat(database).st_size - HEADERS) // size
    kept = [block for block in blocks if block < end]
    digest = hashlib.sha256()
    with open(journal, "xb", opener=_private) as opened:

        def write(part: bytes) -> None:
            opened.write(part)
            digest.update(part)

        try:
            write(_MAGIC + _COUNTS.pack(len(kept), size) + headers.raw)
            write(struct.pack(f"<{len(kept)}Q", *kept))
            for block in kept:
                write(os.pread(database, size, HEADERS + block * size))
            opened.write(digest.digest() + ending)
            opened.flush()
            os.fsync(opened.fileno())
        except OSError:
            journal.unlink()
            raise
    sync(journal.parent)


def _private(path: str, flags: int) -> int:
    # It holds rows, as the database does.
    return os.open(path, flags, 0o600)


def _read(journal: BinaryIO) -> _Saved | None:
    """What a journal holds; None if it is incomplete. Only the blocks are left to be read."""
    start = len(_MAGIC) + _COUNTS.size + HEADERS
    head = journal.read(start)
    if len(head) < start or not head.startswith(_MAGIC):
        return None
    count, size = _COUNTS.unpack_from(head, len(_MAGIC))
    length = start + 8 * count + count * size
    journal.seek(0, os.SEEK_END)
    if journal.tell() != length + _DIGEST + 1:
        return None
    journal.seek(0)
    digest = hashlib.sha256()
    left = length
    while left:
        part = journal.read(min(left, 1 << 20))
        digest.update(part)
        left -= len(part)
    if journal.read(_DIGEST) != digest.digest():
        return None
    with_log = journal.read() == _WITH_LOG
    journal.seek(start)
    blocks = struct.unpack(f"<{count}Q", journal.read(8 * count))
    return _Saved(Headers(head[-HEADERS:]), blocks, size, start + 8 * count, with_log)
