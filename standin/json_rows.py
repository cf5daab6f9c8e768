"""JSON as COPY reads it: consecutive values with their line numbers, and JSONPaths."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

MAX_OBJECT = 4 * 1024 * 1024
_SPACE = re.compile(r"[ \t\r\n]*")
_BRACKET = re.compile(r"\['((?:[^'\\]|\\.)*)'\]|\[\"((?:[^\"\\]|\\.)*)\"\]|\[(\d+)\]")
_DOT = re.compile(r"\.([^.'\[\]]+)|\[(\d+)\]")

INVALID_VALUE = (2101, "Invalid value.")
NOT_AN_OBJECT = (2106, "Invalid JSONPath format: Member is not an object.")
NOT_AN_ARRAY = (2107, "Invalid JSONPath format: Not an array or index out of range.")
TOO_LONG = (1200, "The JSON object is longer than 4194304 bytes")


class Num(str):
    """A JSON number as it was written."""

    __slots__ = ()


class JsonError(Exception):
    """A value that cannot be loaded: a code and a reason of Redshift's load errors."""

    def __init__(self, error: tuple[int, str]) -> None:
        super().__init__(error[1])
        self.code, self.reason = error


@dataclass(frozen=True)
class Item:
    """A value of the file, or what is wrong with it."""

    value: Any
    raw: str
    line: int
    offset: int
    error: tuple[int, str] | None = None


def _no_constant(_name: str) -> NoReturn:
    raise ValueError


_DECODER = json.JSONDecoder(parse_float=Num, parse_int=Num, parse_constant=_no_constant)


def items(text: str) -> Iterator[Item]:
    """The values of a file. After a malformed one, reading continues at the next line."""
    position, line = 0, 1
    while True:
        match = _SPACE.match(text, position)
        end = match.end() if match else position
        line += text.count("\n", position, end)
        position = end
        if position >= len(text):
            return
        error: tuple[int, str] | None = None
        value: Any = None
        try:
            value, end = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError):
            newline = text.find("\n", position)
            end = len(text) if newline < 0 else newline
            error = INVALID_VALUE
        raw = text[position:end]
        line += raw.count("\n")
        if len(raw) > MAX_OBJECT // 4 and len(raw.encode("utf-8", "surrogateescape")) > MAX_OBJECT:
            error = TOO_LONG
        yield Item(value, raw, line, position, error)
        position = end


def dumps(value: Any) -> str:
    """The JSON text of a value; numbers keep their original text."""
    if isinstance(value, Num):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k, ensure_ascii=False)}:{dumps(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(dumps(v) for v in value) + "]"
    return json.dumps(value, ensure_ascii=False)


Path = tuple[str | int, ...]


def parse_path(text: str) -> tuple[Path, str]:
    """The steps of a JSONPath, and its notation: bracket, dot, or '' if it fits both."""
    if not text.startswith("$"):
        raise ValueError(text)
    rest = text[1:]
    notation = "bracket" if rest.startswith(("['", '["')) else "dot" if rest.startswith(".") else ""
    pattern = _DOT if notation == "dot" else _BRACKET
    steps: list[str | int] = []
    at = 0
    while at < len(rest):
        match = pattern.match(rest, at)
        if match is None:
            raise ValueError(text)
        index = match[match.lastindex or 0] if match.lastindex == pattern.groups else None
        name = next((group for group in match.groups()[: pattern.groups - 1] if group is not None), None)
        steps.append(int(index) if index is not None else re.sub(r"\\(.)", r"\1", name or ""))
        at = match.end()
    return tuple(steps), notation


def read_jsonpaths(body: bytes) -> list[Path] | None:
    """The paths of a JSONPaths file, or None if it has no key ``jsonpaths``: COPY then loads as with 'auto'.

    :raises ValueError: if it is not JSON, a path is invalid, or notations are mixed (TypeError: if no object).
    """
    content = json.loads(body)
    if not isinstance(content, dict):
        raise TypeError("a JSONPaths file holds one object")
    paths = content.get("jsonpaths")
    if paths is None:
        return None
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise ValueError("jsonpaths is a list of strings")
    parsed = [parse_path(path) for path in paths]
    if len({notation for _steps, notation in parsed if notation}) > 1:
        raise ValueError("bracket and dot notation are mixed")
    return [steps for steps, _notation in parsed]


def resolve(value: Any, path: Path) -> Any:
    """The value at the path; None for an absent member.

    :raises JsonError: for an index that does not exist, or a member of a value that is not an object.
    """
    for step in path:
        if value is None:
            return None
        if isinstance(step, int):
            if not isinstance(value, list) or step >= len(value):
                raise JsonError(NOT_AN_ARRAY)
            value = value[step]
        else:
            if not isinstance(value, dict):
                raise JsonError(NOT_AN_OBJECT)
            value = value.get(step)
    return value
