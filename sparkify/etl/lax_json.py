"""Parses what DuckDB reads as JSON, which is slightly more, and rewrites it as what every reader accepts."""

from __future__ import annotations

import json
import math
import re
import sys
from collections import Counter
from typing import Any

__all__ = ["SMALLEST", "Constant", "Huge", "Object", "Tiny", "parse", "real", "strict"]

SMALLEST = sys.float_info.min
"""The smallest number above 0 that every database keeps: Redshift refuses one that is closer to 0."""

_LAX = re.compile(
    r'"(?:[^"\\]|\\.)*"|(?P<comma>(?<![\[{, \t\r\n])[ \t\r\n]*,)(?=[ \t\r\n]*[}\]])'
    r"|(?P<constant>-?\b(?:nan|inf(?:inity)?)\b)",
    re.IGNORECASE,
)
"""A string, or what DuckDB reads beyond JSON: a comma before a closing bracket, NaN, the infinities."""

_MAYBE_LAX = re.compile(rb",[ \t\r\n]*[}\]]|nan|inf", re.IGNORECASE)
_DIGIT = re.compile(r"[1-9]")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def parse(text: str) -> Any:
    """The value of a line.

    DuckDB ignores a comma before a closing bracket, and NaN under a key that is not read; so does this.

    :raises ValueError: when it is not JSON even so, or has half of a surrogate pair.
    """
    try:
        value = _load(text)
    except json.JSONDecodeError:
        repaired = _LAX.sub(_python, text)
        if repaired == text:
            raise
        text = repaired
        value = _load(text)
    if _SURROGATE.search(text):
        # Including each value of a key that occurs twice, of which an object keeps only the last.
        everything = _load(text, object_pairs_hook=list)
        try:
            json.dumps(everything, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ValueError("half of a surrogate pair") from None
    return value


def _load(text: str, **others: Any) -> Any:
    hooks = {"object_pairs_hook": _object, "parse_constant": Constant, "parse_float": real, **others}
    try:
        return json.loads(text, **hooks)
    except json.JSONDecodeError:
        raise
    except ValueError:
        # Python refuses an integer of 5,000 digits, which would not fit into 64 bits either.
        return json.loads(text, **hooks, parse_int=_integer)


class Huge(float):
    """A number that is too large for Python to read.

    :ivar text: the number as it is written.
    """

    text: str


def _huge(text: str) -> Huge:
    number = Huge(text)
    number.text = text
    return number


class Tiny(float):
    """A number that is not 0 but closer to it than :data:`SMALLEST`; its value may be 0.

    :ivar text: the number as it is written.
    """

    text: str


def real(text: str) -> float:
    """The number that a text in the form of a number stands for."""
    number = float(text)
    if not math.isfinite(number):
        return _huge(text)
    if abs(number) >= SMALLEST or not _DIGIT.search(text.lower().partition("e")[0]):
        return number
    tiny = Tiny(number)
    tiny.text = text
    return tiny


def _integer(digits: str) -> float:
    return int(digits) if len(digits) <= 20 else _huge(digits)


def _python(found: re.Match[str]) -> str:
    """What Python can read in place of what JSON does not have."""
    if found["comma"] is not None:
        return found["comma"].rstrip(",")
    return found[0] if found["constant"] is None else "NaN"


def _json(found: re.Match[str]) -> str:
    """What JSON has in its place."""
    return _python(found) if found["constant"] is None else "null"


def strict(line: bytes) -> bytes:
    """An accepted line as JSON that every reader takes: without what only DuckDB and this module accept."""
    return _LAX.sub(_json, line.decode()).encode() if _MAYBE_LAX.search(line) else line


class Object(dict[str, Any]):
    """A JSON object.

    :ivar twice: the keys that it has more than once.
    """

    twice: frozenset[str] = frozenset()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = Object(pairs)
    if len(found) != len(pairs):
        counts = Counter(key for key, _ in pairs)
        found.twice = frozenset(key for key, number in counts.items() if number > 1)
    return found


class Constant(str):
    """NaN or an infinity, which JSON does not have: neither a number nor of any other type."""

    __slots__ = ()
