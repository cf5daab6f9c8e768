"""The headers of a DuckDB file: the main one, and two that its checkpoints write in turn."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import Final

__all__ = ["HEADERS", "Headers", "read_headers"]

_SIZE = 4096
"""Bytes of one header; the first eight are its checksum."""

HEADERS: Final = 3 * _SIZE
"""Bytes of all three. The blocks follow."""

_FACTOR = 0xBF58476D1CE4E5B9
_SEED = 5381
_WORD = 2**64 - 1


@dataclass(frozen=True)
class Headers:
    """The three headers, as they are in the file.

    :ivar raw: their bytes.
    """

    raw: bytes

    @property
    def main(self) -> bytes:
        """The main header, which is written when the file is created and distinguishes it from all others."""
        return self.raw[:_SIZE]

    @property
    def pair(self) -> tuple[bytes, bytes]:
        """The two that checkpoints write in turn."""
        return self.raw[_SIZE : 2 * _SIZE], self.raw[2 * _SIZE :]

    @property
    def checkpoint(self) -> int:
        """The number of the last completed checkpoint; -1 if there is none."""
        return max((_iteration(one) for one in self.pair if _is_whole(one)), default=-1)

    @property
    def block_size(self) -> int:
        """Bytes of a block."""
        newest = max(self.pair, key=_iteration)
        return int(struct.unpack_from("<Q", newest, 40)[0])


def read_headers(descriptor: int) -> Headers:
    """The headers of a file that is open."""
    return Headers(os.pread(descriptor, HEADERS, 0))


def _iteration(header: bytes) -> int:
    return int(struct.unpack_from("<Q", header, 8)[0])


def _is_whole(header: bytes) -> bool:
    # As DuckDB computes it over whole words: src/common/checksum.cpp.
    found, *words = struct.unpack(f"<{_SIZE // 8}Q", header)
    checksum = _SEED
    for word in words:
        checksum ^= word * _FACTOR & _WORD
    return bool(found == checksum)
