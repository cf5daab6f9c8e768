"""Counts the lines of a file whose parts pass by."""

from __future__ import annotations

from sparkify.etl.line_rules import MAX_LINE

__all__ = ["LineCounter"]


class LineCounter:
    """Counts the lines that pass by, and sees what a fast reader would pass over in silence."""

    _NUL = b"\\u0000"
    # DuckDB skips them around a line. They are no white space of JSON, and Redshift is not known to take them.
    _NOT_JSON = (b"\x0b", b"\x0c")

    def __init__(self) -> None:
        self._newlines = 0
        self._tail = b""
        self._length = 0
        self.suspect = False

    @property
    def open_bytes(self) -> int:
        """Bytes of the last line so far; 0 where the last byte was a newline."""
        return self._length

    @property
    def open_line(self) -> bool:
        """Whether the last byte was not a newline, so that the last line is still open."""
        return self._length > 0

    @property
    def lines(self) -> int:
        """Lines so far, blank ones and one without a newline included."""
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
        # An escape may lie across two chunks.
        self.suspect = (
            self.suspect
            or self._NUL in data
            or self._NUL in self._tail + data[:5]
            or any(byte in data for byte in self._NOT_JSON)
        )
        self._tail = (self._tail + data[-5:])[-5:]

    def _long(self, length: int) -> None:
        self.suspect = self.suspect or length > MAX_LINE
