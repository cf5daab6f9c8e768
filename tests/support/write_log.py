"""Replay a record of writes, syncs and name changes: what may a disk hold after a power loss at any point?"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Disk", "Operation", "read_log"]

_SECTOR = 512
_HEAD = struct.Struct("=cIIqqq")


@dataclass(frozen=True)
class Operation:
    """One operation of the record. Its kind is one of :meth:`tests.support.io_shim.Shim.disarm`, or m: a mark.

    :ivar path: the path of the file, or the text of a mark.
    :ivar other: the new name of a renamed or linked file.
    :ivar offset: the position of a write, or the length after a truncation.
    """

    kind: str
    path: str
    other: str
    inode: int
    offset: int
    data: bytes


def read_log(file: Path) -> list[Operation]:
    """All operations of a record, in order."""
    found = []
    content = file.read_bytes()
    at = 0
    while at < len(content):
        kind, first, second, inode, offset, size = _HEAD.unpack_from(content, at)
        at += _HEAD.size
        path = content[at : at + first].decode()
        other = content[at + first : at + first + second].decode()
        at += first + second
        data = b""
        if kind == b"w":
            data = content[at : at + size]
            at += size
        found.append(Operation(kind.decode(), path, other, inode, offset, data))
    return found


@dataclass
class _File:
    """A file: its synced content, and the writes and truncations since the last sync."""

    content: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)

    def sync(self) -> None:
        for offset, data in self.pending:
            _apply(self.content, offset, data)
        self.pending.clear()


def _apply(content: bytearray, offset: int, data: bytes | None) -> None:
    """Write at an offset; or, without data, truncate or zero-extend to that length."""
    size = offset + len(data or b"")
    if len(content) < size:
        content.extend(bytes(size - len(content)))
    if data is None:
        del content[offset:]
    else:
        content[offset:size] = data


Choice = Callable[[bytes | None], list[tuple[int, bytes | None]]]
"""Chooses the parts of an unsynced operation that are on the disk: offsets within it, and data."""


class Disk:
    """The files of one folder after each operation of a record.

    Everything synced is on the disk. Unsynced data may be on it or not, in sectors of 512 bytes and in any
    order. Of the unsynced name changes, it has the first few in order, as with a journaling file system.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[int, _File] = {}
        self._names: dict[str, _File] = {}
        self._synced: dict[str, _File] = {}
        self._pending: list[Operation] = []
        for path in sorted(path for path in folder.iterdir() if path.is_file()):
            self._files[path.stat().st_ino] = file = _File(bytearray(path.read_bytes()))
            self._names[str(path)] = self._synced[str(path)] = file
        self._made: dict[int, _File] = {}

    def apply(self, operation: Operation) -> None:
        """Apply an operation, as the process sees it."""
        kind, path = operation.kind, operation.path
        if kind == "s" and path == str(self._folder):
            self._synced = self.names(len(self._pending))
            self._pending.clear()
        elif kind in ("s", "w", "t"):
            file = self._files.get(operation.inode) or self._names[path]
            if kind == "s":
                file.sync()
            else:
                file.pending.append((operation.offset, operation.data if kind == "w" else None))
        elif kind in ("c", "r", "l", "u"):
            if kind == "c":
                self._files[operation.inode] = self._made[id(operation)] = _File()
            self._name(self._names, operation)
            self._pending.append(operation)

    def _name(self, names: dict[str, _File], operation: Operation) -> None:
        kind, path = operation.kind, operation.path
        if kind == "c":
            names[path] = self._made[id(operation)]
        elif kind == "u":
            names.pop(path, None)
        elif path in names:
            names[operation.other] = names[path] if kind == "l" else names.pop(path)

    @property
    def unsynced_names(self) -> int:
        """The number of name changes since the folder was synced."""
        return len(self._pending)

    def names(self, count: int) -> dict[str, _File]:
        """The files by name, if the first ``count`` unsynced name changes are on the disk."""
        found = dict(self._synced)
        for operation in self._pending[:count]:
            self._name(found, operation)
        return found

    def files(self, names: int, choose: Choice) -> Mapping[str, bytes]:
        """The content of each file by its name, after a power loss at this point."""
        found = {}
        for path, file in self.names(names).items():
            content = bytearray(file.content)
            for offset, data in file.pending:
                for start, part in choose(data):
                    _apply(content, offset + start, part)
            found[str(Path(path).relative_to(self._folder))] = bytes(content)
        return found

    def states(self, chance: random.Random, count: int) -> Iterator[Mapping[str, bytes]]:
        """Possible states after a power loss at this point: nothing, all, or some of the unsynced changes."""
        yield self.files(0, nothing)
        yield self.files(self.unsynced_names, everything)
        for _ in range(count - 2):
            kept = chance.choice([0.1, 0.5, 0.9])
            names = chance.choice([0, self.unsynced_names, chance.randint(0, self.unsynced_names)])
            yield self.files(names, some(chance, kept))


def nothing(_data: bytes | None) -> list[tuple[int, bytes | None]]:
    """Keep nothing."""
    return []


def everything(data: bytes | None) -> list[tuple[int, bytes | None]]:
    """Keep everything."""
    return [(0, data)]


def some(chance: random.Random, kept: float) -> Choice:
    """Keep an operation, drop it, or keep some of its sectors, at random."""

    def choose(data: bytes | None) -> list[tuple[int, bytes | None]]:
        if data is None or chance.random() < 0.7:
            return [(0, data)] if chance.random() < kept else []
        starts = range(0, len(data), _SECTOR)
        return [(at, data[at : at + _SECTOR]) for at in starts if chance.random() < kept]

    return choose
