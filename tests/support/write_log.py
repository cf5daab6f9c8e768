"""What a disk may hold after a power loss: a record of writes, syncs and names, replayed up to any point."""

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
    """One operation of the record. Its kind is one of :meth:`tests.support.io_shim.Shim.disarm`, or m, a mark.

    :ivar path: of the file, or the text of a mark.
    :ivar other: what a file is renamed or linked to.
    :ivar offset: where is written, or the length after a cut.
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
    """A file: what is on the disk for certain, and what was asked for since."""

    content: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)

    def sync(self) -> None:
        for offset, data in self.pending:
            _apply(self.content, offset, data)
        self.pending.clear()


def _apply(content: bytearray, offset: int, data: bytes | None) -> None:
    """Write at an offset; or, without data, cut there or lengthen with zeros."""
    size = offset + len(data or b"")
    if len(content) < size:
        content.extend(bytes(size - len(content)))
    if data is None:
        del content[offset:]
    else:
        content[offset:size] = data


Choice = Callable[[bytes | None], list[tuple[int, bytes | None]]]
"""Which parts of an operation that was not synced are on the disk: offsets within it, and data."""


class Disk:
    """The files of one folder, as they are after each operation of a record.

    What was synced is there. Of what was not, the data may be there or not, in sectors of 512 bytes and in any
    order; of what names were given and taken, any first part, as a journaling file system has it.
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
        """Let an operation take place, as far as the process sees it."""
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
        """How many names were given and taken since the folder was synced."""
        return len(self._pending)

    def names(self, count: int) -> dict[str, _File]:
        """The files by name, when so many of the changes of names that were not synced are on the disk."""
        found = dict(self._synced)
        for operation in self._pending[:count]:
            self._name(found, operation)
        return found

    def files(self, names: int, choose: Choice) -> Mapping[str, bytes]:
        """The content of each file by its name, after a power loss now."""
        found = {}
        for path, file in self.names(names).items():
            content = bytearray(file.content)
            for offset, data in file.pending:
                for start, part in choose(data):
                    _apply(content, offset + start, part)
            found[str(Path(path).relative_to(self._folder))] = bytes(content)
        return found

    def states(self, chance: random.Random, count: int) -> Iterator[Mapping[str, bytes]]:
        """What may be there after a power loss now: of what was not synced nothing, all, and some of it."""
        yield self.files(0, nothing)
        yield self.files(self.unsynced_names, everything)
        for _ in range(count - 2):
            kept = chance.choice([0.1, 0.5, 0.9])
            names = chance.choice([0, self.unsynced_names, chance.randint(0, self.unsynced_names)])
            yield self.files(names, some(chance, kept))


def nothing(_data: bytes | None) -> list[tuple[int, bytes | None]]:
    """Nothing of it."""
    return []


def everything(data: bytes | None) -> list[tuple[int, bytes | None]]:
    """All of it."""
    return [(0, data)]


def some(chance: random.Random, kept: float) -> Choice:
    """All of it, nothing, or some of its sectors."""

    def choose(data: bytes | None) -> list[tuple[int, bytes | None]]:
        if data is None or chance.random() < 0.7:
            return [(0, data)] if chance.random() < kept else []
        starts = range(0, len(data), _SECTOR)
        return [(at, data[at : at + _SECTOR]) for at in starts if chance.random() < kept]

    return choose
