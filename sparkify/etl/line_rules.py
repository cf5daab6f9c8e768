"""Validates one line: whether it may be loaded, and if not, why; defines bad input for every database.

The fast readers of the databases load whole files. Lines that they cannot vouch for are validated here,
one by one, so that the outcome depends on the line alone and never on its neighbours.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO

from sqlalchemy import Column, Float, String

from sparkify.etl.column_types import NumberLimits, number_limits, text_limit
from sparkify.etl.declarations import JsonField, Required, Source
from sparkify.etl.lax_json import Constant, Huge, Object, Tiny, parse, real

__all__ = [
    "BOM",
    "CONSTANTS",
    "FLOAT_TEXT",
    "INTEGER_TEXT",
    "MAX_LINE",
    "LineValidator",
    "Violation",
    "escape",
    "split_lines",
]

BOM = b"\xef\xbb\xbf"
"""The byte order mark that some editors put before UTF-8: it is not part of the first line."""

MAX_LINE = 4 * 1024 * 1024
"""Bytes: Redshift's COPY accepts no larger JSON object (AWS: COPY from JSON format)."""

INTEGER_TEXT = r"-?[0-9]{1,19}"
FLOAT_TEXT = r"-?[0-9]+([.][0-9]+)?([eE][-+]?[0-9]+)?"
"""The form of a number within a string. A JSON number has it anyway."""

_INTEGER = re.compile(INTEGER_TEXT)
_FLOAT = re.compile(FLOAT_TEXT)
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(9), *range(10, 32), 127)}
CONSTANTS = ("nan", "-nan", "inf", "-inf", "infinity", "-infinity")
"""What DuckDB reads as a number although JSON does not have it, in lower case."""


@dataclass(frozen=True)
class Violation:
    """Why a line is rejected.

    :ivar column: the column that cannot take its value; None if the line is rejected as a whole.
    """

    reason: str
    column: str | None = None


def split_lines(handle: BinaryIO) -> Iterator[bytes]:
    """The lines of a file, without their newlines. A line that is too long is cut."""
    while line := handle.readline(MAX_LINE + 2):
        rest = line
        while len(rest) == MAX_LINE + 2 and not rest.endswith(b"\n"):
            rest = handle.readline(MAX_LINE + 2)
        yield line.removesuffix(b"\n")


def escape(line: bytes) -> str:
    """A line as text that can be stored and printed: non-UTF-8 bytes and control characters as ``\\xNN``."""
    return line.decode(errors="backslashreplace").translate(_CONTROL)


class LineValidator:
    """Validates the lines of one source.

    :ivar source: the name of the source.
    """

    def __init__(self, source: Source) -> None:
        self.source = source.name
        self._rules = [_rule(column, field) for column, field in source.fields.items()]
        self._keys = source.keys
        self._required: Sequence[Required] = source.required

    def validate(self, line: bytes) -> Violation | None:
        """None if the line may be loaded; otherwise why not. Not for blank lines."""
        if len(line) > MAX_LINE:
            return Violation(f"longer than {MAX_LINE:,} bytes")
        try:
            value = parse(line.decode())
        except UnicodeDecodeError as exc:
            return Violation(f"not UTF-8 at byte {exc.start + 1}")
        except RecursionError:
            return Violation("nested too deeply")
        except ValueError as exc:
            return Violation(f"not valid JSON: {exc}")
        if not isinstance(value, Object):
            return Violation("not a JSON object")
        if twice := sorted(value.twice.intersection(self._keys.values())):
            return Violation(f"has the key {twice[0]!r} twice")
        for rule in self._rules:
            if reason := rule.refuse(value.get(rule.field.key)):
                near = _near(rule.field.key, value)
                return Violation(f"{rule.field.key}: {reason}{near}", rule.column)
        for required in self._required:
            if _stored(value.get(self._keys[required.column])) == required.value:
                for column in required.needs:
                    if _stored(value.get(self._keys[column])) in (None, ""):
                        said = f"is missing, and {required.value} needs it"
                        return Violation(f"{self._keys[column]}: {said}", column)
        return None


def _stored(value: Any) -> Any:
    """A value as it is stored: a text without its trailing blanks.

    Redshift ignores them in every comparison (AWS: Character types, "Significance of trailing blanks"), so
    that whichever of two spellings came first would be used for both.
    """
    return value.rstrip(" ") if isinstance(value, str) else value


def _near(key: str, line: Object) -> str:
    """The key that a line has instead of one that it lacks, if they differ only in case and separators."""
    if key in line:
        return ""
    plain = [re.sub(r"[-_ ]", "", one).lower() for one in (key, *line)]
    like = [one for one, its in zip(line, plain[1:], strict=True) if its == plain[0]]
    return f", but the line has {_quoted(like[0])}" if like else ""


def _text_of(value: Any) -> str:
    """What DuckDB makes of a value that is not a text: its JSON; too large a number stays as written."""
    return value.text if isinstance(value, Huge) else json.dumps(value, ensure_ascii=False)


def _container(value: Any) -> str | None:
    """Whether a value for a text is an array or an object instead, or a text that reads as one; else None.

    Once stored, the two are the same: what COPY reads of an array is its text.
    """
    if isinstance(value, str) and value[:1] in ("[", "{"):
        with suppress(ValueError, RecursionError):
            value = parse(value)
    return "an array" if isinstance(value, list) else "an object" if isinstance(value, dict) else None


@dataclass(frozen=True)
class _Rule:
    """What one column accepts."""

    column: str
    field: JsonField

    def refuse(self, value: Any) -> str | None:
        """Why the column cannot take the value, or None."""
        if value is None or (self.empty_is_null and value == ""):
            return "is missing" if self.field.required else None
        return self.refuse_value(value)

    empty_is_null = False

    def refuse_value(self, value: Any) -> str | None:
        raise NotImplementedError

    def _out_of_range(self, number: float) -> str | None:
        low, high = self.field.minimum, self.field.maximum
        if low is not None and number < low:
            return f"{number} {self.field.too_low or f'is below {low}'}"
        if high is not None and number > high:
            return f"{number} {self.field.too_high or f'is above {high}'}"
        return None


@dataclass(frozen=True)
class _TextRule(_Rule):
    length: int

    def refuse(self, value: Any) -> str | None:
        if self.field.empty_is_missing and isinstance(value, str) and not _stored(value):
            value = None
        return super().refuse(value)

    def refuse_value(self, value: Any) -> str | None:
        if isinstance(value, Constant):
            return f"{_quoted(value)} is not a text"
        text = value if isinstance(value, str) else _text_of(value)
        if kind := _container(value):
            return f"{_quoted(text)} is {kind}, not a text"
        if "\0" in text:
            return "holds a NUL character"
        size = len(_stored(text).encode())
        if size > self.length:
            return f"{size:,} bytes are longer than {self.length:,}"
        return None


@dataclass(frozen=True)
class _IntegerRule(_Rule):
    limits: NumberLimits

    empty_is_null = True

    def refuse_value(self, value: Any) -> str | None:
        if isinstance(value, str) and not isinstance(value, Constant) and _INTEGER.fullmatch(value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            return f"{_quoted(value)} is not an integer"
        if not -(2**63) <= value < 2**63:
            return f"{value} does not fit 64 bits"
        return self._out_of_range(value) or self.limits.refuse(value)


@dataclass(frozen=True)
class _FloatRule(_Rule):
    limits: NumberLimits

    empty_is_null = True

    def refuse_value(self, value: Any) -> str | None:
        if isinstance(value, str) and not isinstance(value, Constant) and _FLOAT.fullmatch(value):
            value = real(value)
        if not isinstance(value, int | float) or isinstance(value, bool):
            return f"{_quoted(value)} is not a number"
        if isinstance(value, Tiny):
            return f"{_shortened(value.text)} is too near to 0 for a double"
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            return f"{_quoted(value)} is not finite"
        return self._out_of_range(number) or self.limits.refuse(number)


def _quoted(value: Any) -> str:
    return _shortened(repr(value))


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def _rule(column: Column[Any], field: JsonField) -> _Rule:
    """The rule of a column, by its type; other types are refused when the source is declared."""
    kind = column.type
    if isinstance(kind, String):
        return _TextRule(column.name, field, text_limit(kind))
    if isinstance(kind, Float):
        return _FloatRule(column.name, field, number_limits(column))
    return _IntegerRule(column.name, field, number_limits(column))
