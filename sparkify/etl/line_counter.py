"""Counts the lines of a file as its parts pass by."""

from __future__ import annotations

import re

from sparkify.etl.line_rules import MAX_LINE

__all__ = ["LineCounter"]


class LineCounter:
    """Counts the lines that pass by, and notices what a fast reader would silently ignore."""

    _NUL = b"\\u0000"
    # DuckDB skips these around a line. JSON has no such white space, and Redshift is not known to accept it.
    _NOT_JSON = (b"\x0b", b"\x0c")

    # Numbers closer to 0 than any double, which DuckDB reads as 0.0: with an exponent of three digits, or with
    # hundreds of zeros in a row. Searching for "e" before the hyphen takes ten times as long.
    _EXPONENT = re.compile(rb"-[0-9]{3}(?<=[0-9][eE]-...)[0-9]*[ \t\r\n,}\]]")
    _ZEROS = b"0" * 200
    # Longer than any of these, except an exponent with even more digits, which contains as many zeros.
    _SEAM = 220

    def __init__(self) -> None:
        self._newlines = 0
        self._tail = b""
        self._length = 0
        self.suspect = False

    @property
    def open_bytes(self) -> int:
        """Bytes of the last line so far; 0 if the last byte was a newline."""
        return self._length

    @property
    def open_line(self) -> bool:
        """Whether the last byte was not a newline, so that the last line is still open."""
        return self._length > 0

    @property
    def lines(self) -> int:
        """Lines so far, including blank ones and a last one without a newline."""
        return self._newlines + self.open_line

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        newlines = data.count(b"\n")
        if newlines:
            # A line within one chunk is shorter than a chunk; only one across chunks can be too long.
            self._long(self._length + data.index(b"\n"))
            self._length = len(data) - data.rindex(b"\n") - 1
            self._newlines += newlines
        else:
            self._length += len(data)
        self._long(self._length)
        # Each of these may span two chunks.
        seam = self._tail + data[: self._SEAM] if self._tail else b""
        self.suspect = self.suspect or self._is_suspect(data) or self._is_suspect(seam)
        self._tail = (self._tail + data[-self._SEAM :])[-self._SEAM :]

    def _is_suspect(self, data: bytes) -> bool:
        return (
            self._NUL in data
            or self._ZEROS in data
            or any(byte in data for byte in self._NOT_JSON)
            or self._EXPONENT.search(data) is not None
        )

    def _long(self, length: int) -> None:
        self.suspect = self.suspect or length > MAX_LINE
