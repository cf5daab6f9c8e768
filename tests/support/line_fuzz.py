"""Fuzz lines of JSON: compare the validation, DuckDB's reader and the stored values with an oracle.

    python -m tests.support.line_fuzz --lines 1000000 [--seed N]

Each line is a plain row with random mutations. The oracle is independent: orjson, which is strict, and a second
implementation of the column rules. It checks three results: the verdict of the validation, the verdict of the
reader, and the stored values of every accepted line, through both paths. Prints one line of JSON, and exits
with 1 if any of them disagrees.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import orjson
from sqlalchemy import Float, Integer, String

from sparkify.databases.duckdb.reading import attach, count_lines, insert_files
from sparkify.etl.declarations import JsonField, Source
from sparkify.etl.lax_json import strict
from sparkify.etl.line_counter import LineCounter
from sparkify.etl.line_rules import LineValidator
from sparkify.pipeline.declaration import EVENTS, SONGS
from tests.support.making import event, song

__all__ = ["SOURCES", "Disagreement", "Fuzz", "Report", "mutated", "oracle"]

SOURCES = (EVENTS, SONGS)
_PLAIN: dict[str, Callable[[], dict[str, Any]]] = {"events": event, "songs": song}
_BATCH = 2_000
"""Number of lines that one statement stores or judges."""

_ALONE = 0.01
"""The share of the rejected lines that are also read from a file of their own, which takes 20 ms."""

TOKENS = (
    *(
        "null",
        "true",
        "false",
        "0",
        "-0",
        "1",
        "-1",
        "7",
        "10.7",
        "1e3",
        "1E+2",
        "2.0",
        "0.5",
        "1e-400",
        "-1E-400",
        "1e-310",
        "0e-400",
        "0.0",
        "-0.0",
        f"0.{'0' * 400}1",
        "86400",
        "86400.001",
        "1e400",
    ),
    *("1541102400796", "1541102400", "1541102400796.0", "4102444800001", "946684799999", "946684800000"),
    *("2147483647", "2147483648", "9223372036854775807", "9223372036854775808", "-9223372036854775809"),
    *("12345678901234567890123", "0.1234567890123456789", "123456789012345680", "9007199254740993", "1" * 400),
    *('""', '" "', '"7"', '" 7"', '"7 "', '"+7"', '"07"', '"-7"', '"-0"', '"7.0"', '"1e3"', '"0x7"', '"1_000"'),
    *(
        '"9223372036854775807"',
        '"9223372036854775808"',
        '"99999999999999999999"',
        '"NaN"',
        '"nan"',
        '"Infinity"',
    ),
    *(
        '"inf"',
        '"12.5"',
        '".5"',
        '"5."',
        '"-1.5E-3"',
        '"1e999"',
        '"1e-400"',
        '"0e-400"',
        '"true"',
        '"null"',
        '"x"',
        '"NextSong"',
    ),
    *(
        '"NextSong "',
        '"nextSong"',
        '"Home"',
        '"\\u0000"',
        '"a\\u0000b"',
        '"a\\u0001b"',
        '"\\u00e9"',
        '"e\\u0301"',
    ),
    *(
        '"\\ud83d\\ude00"',
        '"\\ud83d"',
        '"\\ude00x"',
        '"\\ud83d\\u0041"',
        '"\\\\ud83d"',
        '"\\/"',
        '"\\x41"',
        '"tab\t"',
    ),
    *('"\N{GRINNING FACE}"', '"日本"', '"a\u2028b"', '"\u00a0"', '"a  "', '"  a"', '"[x]"', '"{x}"', '"[1]"'),
    *(
        '"{\\"a\\":1}"',
        '"[\\"a\\"] "',
        '"[1,]"',
        "[]",
        "{}",
        "[1]",
        '["a","b"]',
        '{"a":{"b":[1,2]}}',
        '{"a":1,"a":2}',
    ),
    *("[,]", "{,}", "[1,]", '{"a":1,}', "[1 , ]", "NaN", "nan", "-NaN", "Infinity", "-inf", "INF", "[nan]"),
    *("'x'", "x", "+1", "01", ".5", "5.", "0x10", "1_000", "--1", "", "/**/1", "tru", "nul", "Null", "True"),
    *("[" * 40 + "]" * 40, '"' + "x" * 16 + '"', '"' + "x" * 17 + '"', '"' + "x" * 1024 + '"'),
    *('"' + "x" * 1025 + '"', '"' + "é" * 512 + '"', '"' + "é" * 513 + '"', '"' + "x" * 16 + "   " + '"'),
)
"""Replacements for a value. Most are not JSON, or not a value of the column, or only just are."""

NEW_KEYS = ("new", "tags", "USERID", "Song", "artist ", "", "item\\u0049nSession", "\\ud83d", "a\\u0000")
SPACES = ("", " ", "\t", "\r", "  ", "\n", "\x0b", "\x0c", "\u00a0", "\ufeff", "\x00")
AROUND = ("", "", "", "", "", " ", "\t", "\r", "x", ",", "[", "]", "{}", "//", "\x1e", "\x00", "\x0b", "null")


def mutated(source: Source, draw: random.Random) -> bytes:
    """The line of a plain row with a few mutations. It is never blank and has no newline."""
    while True:
        pairs = [(json.dumps(key), json.dumps(value)) for key, value in _PLAIN[source.name]().items()]
        for _ in range(draw.choice((0, 1, 1, 1, 2, 2, 3, 5))):
            _mutate(pairs, draw)
        space = draw.choice(SPACES) if draw.random() < 0.15 else ""
        text = "{" + f",{space}".join(f"{key}:{space}{value}" for key, value in pairs) + "}"
        if draw.random() < 0.05:
            text = draw.choice(AROUND) + text + draw.choice(AROUND)
        line = text.encode()
        if draw.random() < 0.15:
            line = _damaged(line, draw)
        line = line.replace(b"\n", b" ").removeprefix(b"\xef\xbb\xbf")
        if line.strip(b" \t\r\x0b\x0c"):
            return line


def _mutate(pairs: list[tuple[str, str]], draw: random.Random) -> None:
    place = draw.randrange(len(pairs)) if pairs else 0
    what = draw.random()
    if not pairs or what < 0.15:
        key = draw.choice(NEW_KEYS)
        pairs.insert(place, (f'"{key}"', draw.choice(TOKENS)))
    elif what < 0.75:
        pairs[place] = (pairs[place][0], draw.choice(TOKENS))
    elif what < 0.82:
        del pairs[place]
    elif what < 0.88:
        pairs.insert(draw.randrange(len(pairs) + 1), (pairs[place][0], draw.choice(TOKENS)))
    elif what < 0.94:
        pairs[place] = (pairs[place][0], json.dumps(_text(draw), ensure_ascii=draw.random() < 0.5))
    else:
        draw.shuffle(pairs)


def _text(draw: random.Random) -> str:
    return "".join(
        chr(
            draw.choice(
                (draw.randrange(32, 127), draw.randrange(0xA0, 0x800), draw.randrange(0x10000, 0x10FFFF))
            )
        )
        for _ in range(draw.randrange(12))
    )


def _damaged(line: bytes, draw: random.Random) -> bytes:
    for _ in range(draw.choice((1, 1, 2))):
        place = draw.randrange(len(line) + 1)
        removed = draw.choice((0, 0, 1, 1, 2, 20))
        inserted = bytes(
            draw.choice(b'"\\{}[],: \t\r01e.-+xN\x00\x01\x7f\xc3\xff') for _ in range(draw.randrange(3))
        )
        line = line[:place] + inserted + line[place + removed :]
    return line


# -- what is right -------------------------------------------------------------------------------------------


class _Integer(str):
    """The text of a number without a fraction or an exponent."""

    __slots__ = ()


class _Real(str):
    """The text of any other number."""

    __slots__ = ()


class Wrong(Exception):
    """The line must be rejected."""


Row = tuple[Any, ...]


def oracle(source: Source, line: bytes) -> Row | None:
    """The values of a line in the order of the columns, or None if it must be rejected.

    :raises ValueError: if the line is not JSON. DuckDB and the validation may still be able to read it.
    """
    pairs: list[tuple[str, Any]] = []
    if not isinstance(_strictly(line), dict):
        return None

    def keep(of: list[tuple[str, Any]]) -> dict[str, Any]:
        pairs[:] = of
        return dict(of)

    # orjson hides duplicate keys and the spelling of numbers. The pairs of the outermost object come last.
    found = json.loads(line, object_pairs_hook=keep, parse_int=_Integer, parse_float=_Real)
    keys = [key for key, _ in pairs]
    if any(keys.count(one.key) > 1 for one in source.fields.values()):
        return None
    try:
        row = {
            column.name: _value(column.type, one, found.get(one.key)) for column, one in source.fields.items()
        }
    except Wrong:
        return None
    for required in source.required:
        if row[required.column] == required.value and any(row[name] in (None, "") for name in required.needs):
            return None
    return tuple(row.values())


def _strictly(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as exc:
        # JSON sets no limit on numbers, but orjson does.
        if "infinity" not in str(exc):
            raise
        return orjson.loads(_HUGE.sub(b"1", line))


_HUGE = re.compile(rb"\b\d+[eE]\+?\d{3,}|\b\d{309,}")
"""A number that is too large for a double."""


def _value(kind: Any, one: JsonField, value: Any) -> Any:
    if isinstance(kind, String):
        stored = _as_text(value, kind.length)
    elif isinstance(kind, Float):
        stored = _as_number(value, one, r"-?\d+(\.\d+)?([eE][-+]?\d+)?", float)
    else:
        stored = _as_number(value, one, r"-?\d{1,19}", int)
    if one.required and (stored is None or (stored == "" and one.empty_is_missing)):
        raise Wrong
    if stored is not None and not isinstance(kind, String | Float | Integer):
        return datetime(1970, 1, 1) + timedelta(milliseconds=stored)
    return stored


def _as_text(value: Any, length: int | None) -> Any:
    if value is None or isinstance(value, bool):
        return value if value is None else str(value).lower()
    if isinstance(value, list | dict):
        raise Wrong
    if isinstance(value, _Integer):
        value = str(int(value))
    elif isinstance(value, _Real):
        # The shortest text of the nearest double, if that is finite.
        value = repr(float(value)) if math.isfinite(float(value)) else str(value)
    stored = value.rstrip(" ")
    if "\0" in stored or len(stored.encode()) > (length or sys.maxsize) or _reads_as_container(stored):
        raise Wrong
    return stored


def _reads_as_container(text: str) -> bool:
    if text[:1] not in ("[", "{"):
        return False
    try:
        orjson.loads(strict(text.encode()))
    except (ValueError, orjson.JSONDecodeError):
        return False
    return True


def _as_number(value: Any, one: JsonField, form: str, kind: type[int] | type[float]) -> Any:
    if value is None or value == "":
        return None
    if not isinstance(value, str) or (kind is int and isinstance(value, _Real)):
        raise Wrong
    if not isinstance(value, _Integer | _Real) and not re.fullmatch(form, value, re.ASCII):
        raise Wrong
    number = kind(value)
    if kind is float and abs(number) < sys.float_info.min and value.lower().partition("e")[0].strip("-0."):
        raise Wrong
    largest = 2**63 - 1 if kind is int else sys.float_info.max
    low = max(-largest - (kind is int), -math.inf if one.minimum is None else one.minimum)
    if not low <= number <= min(largest, math.inf if one.maximum is None else one.maximum):
        raise Wrong
    return number


# -- what became of it ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Disagreement:
    """A line for which two results differ."""

    what: str
    line: bytes
    detail: str


@dataclass
class Report:
    """Counts of what was tried, and the disagreements found."""

    seed: int
    lines: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    disagreements: list[Disagreement] = field(default_factory=list)

    def as_json(self) -> str:
        """The report as one line of JSON."""
        told = [f"{one.what}: {one.detail}: {one.line!r}" for one in self.disagreements[:20]]
        return json.dumps(
            {
                "seed": self.seed,
                "lines": self.lines,
                **self.kinds,
                "disagreements": len(self.disagreements),
                "of_them": told,
            }
        )


class Fuzz:
    """Feeds the same lines to the validation, the reader and the oracle, and compares the results."""

    def __init__(self, folder: Path, seed: int = 0) -> None:
        self._path = folder / "lines.json"
        self._draw = random.Random(seed)
        self.report = Report(seed)
        self._rejected: list[tuple[bytes, str]] = []
        self._readers = {source.name: _Reader(source, self._path) for source in SOURCES}

    def run(self, lines: int) -> Report:
        """Try this many lines in total, an equal share for each source."""
        for source in SOURCES:
            reader, validator = self._readers[source.name], LineValidator(source)
            accepted: list[tuple[bytes, Row]] = []
            for _ in range(lines // len(SOURCES)):
                line = mutated(source, self._draw)
                self.report.lines += 1
                row = self._try(source, line, validator, reader)
                if row is not None:
                    accepted.append((line, row))
                if len(accepted) == _BATCH:
                    self._store(reader, accepted)
                    accepted = []
            self._store(reader, accepted)
            self._look_at_rejected(reader)
        return self.report

    def _try(self, source: Source, line: bytes, validator: LineValidator, reader: _Reader) -> Row | None:
        """Compare the verdicts on a line. Returns its values if it is accepted."""
        violation = validator.validate(line)
        kinds = self.report.kinds
        try:
            right, kind = oracle(source, line), "JSON"
        except ValueError:
            right, kind = None, "no JSON"
            if violation is None:
                # Lax: the line is rewritten as strict JSON, which must have the same values.
                kinds["lax"] += 1
                right = oracle(source, strict(line))
        kinds[f"{kind}, {'rejected' if violation else 'accepted'}"] += 1
        if (right is None) != (violation is not None):
            self._disagree("validation", line, f"{violation}, and the oracle says {right}")
            return None
        if violation is not None:
            self._rejected.append((line, violation.reason))
            if len(self._rejected) == _BATCH:
                self._look_at_rejected(reader)
            return None
        return right

    def _look_at_rejected(self, reader: _Reader) -> None:
        """Check that the reader accepts no rejected line.

        It reads them all at once; each one it accepts, and a random sample, it also reads alone.
        """
        rejected = [(line, reason) for line, reason in self._rejected if not is_suspect(line)]
        self._rejected = []
        verdicts = reader.verdicts([line for line, _ in rejected])
        for (line, reason), accepted in zip(rejected, verdicts, strict=True):
            alone = accepted or self._draw.random() < _ALONE
            self.report.kinds["read alone"] += alone
            if alone and reader.count([line]) is not None:
                self._disagree("reader accepts", line, reason)

    def _store(self, reader: _Reader, accepted: Sequence[tuple[bytes, Row]]) -> None:
        """Store accepted lines, both through the validation and directly through the reader, and compare."""
        if not accepted:
            return
        self._compare(accepted, reader.store([strict(line) for line, _ in accepted], validated=True))
        fast = [(line, row) for line, row in accepted if not is_suspect(line)]
        if (stored := reader.store([line for line, _ in fast], validated=False)) is None:
            # The reader refuses some, which then take the slow path. That is allowed, but only for a reason.
            verdicts = reader.verdicts([line for line, _ in fast])
            self._look_at_slow([line for (line, _), right in zip(fast, verdicts, strict=True) if not right])
            fast = [one for one, right in zip(fast, verdicts, strict=True) if right]
            stored = reader.store([line for line, _ in fast], validated=False)
        self._compare(fast, stored)

    def _look_at_slow(self, lines: Sequence[bytes]) -> None:
        """Check that the reader is stricter than the validation only where it cannot tell two things apart."""
        for line in lines:
            self.report.kinds["read line by line"] += 1
            if not _UNCLEAR.search(line):
                self._disagree("reader refuses", line, "accepted by the validation")

    def _compare(self, lines: Sequence[tuple[bytes, Row]], stored: Sequence[Row] | None) -> None:
        if stored is None or len(stored) != len(lines):
            self._disagree("lost", b"", f"{len(lines)} lines, of which {stored and len(stored)} were stored")
            return
        for (line, right), row in zip(lines, stored, strict=True):
            if right != row:
                self._disagree("altered", line, f"{row}, and right is {right}")
            self.report.kinds["values compared"] += len(row)

    def _disagree(self, what: str, line: bytes, detail: str) -> None:
        self.report.disagreements.append(Disagreement(what, line, detail))


_UNCLEAR = re.compile(rb'"-?(?:nan|inf(?:inity)?) *"|"[\[{]', re.IGNORECASE)
"""A text that looks like a constant, an array or an object: the reader cannot tell the difference."""


def is_suspect(line: bytes) -> bool:
    """Whether the spool sends a file with this line to the validation, whatever the reader says."""
    counter = LineCounter()
    counter.feed(line)
    return counter.suspect


class _Reader:
    """A DuckDB connection with a staging table that has all columns and keeps every line."""

    def __init__(self, source: Source, path: Path) -> None:
        self._source = replace(source, kept=None)
        self._path = path
        self._connection = duckdb.connect()
        self._connection.execute("SET threads = 1")
        types = ", ".join(f'"{column.name}" {_type(column.type)}' for column in source.staging.columns)
        self._connection.execute(f'CREATE TABLE "{source.staging.name}" ({types})')
        self._connection.execute(attach(self._source, "fuzz"))
        self._table = f'fuzz.main."{source.staging.name}"'
        self._columns = ", ".join(f'"{column.name}"' for column in source.fields)

    def count(self, lines: Sequence[bytes]) -> int | None:
        """The number of lines that it reads; None if it refuses them."""
        self._write(lines)
        try:
            found = self._connection.execute(count_lines(self._source), [[str(self._path)]]).fetchone()
        except (duckdb.Error, UnicodeDecodeError):
            return None
        return None if found is None else int(found[0])

    def verdicts(self, lines: Sequence[bytes]) -> list[bool]:
        """Whether it accepts each line.

        Evaluates the reader's own condition for every row. A line that it cannot parse has no values.
        """
        if not lines:
            return []
        self._write(lines)
        rows, _, condition = count_lines(self._source).partition("\nWHERE ")
        verdict = condition.replace("error('a line is not right')", "false")
        assert verdict != condition
        rows = rows.replace("SELECT count(*)", f"SELECT {verdict}").replace(
            "hive_partitioning", "ignore_errors = true, hive_partitioning"
        )
        try:
            found = [bool(one) for (one,) in self._connection.execute(rows, [[str(self._path)]]).fetchall()]
        except (duckdb.Error, UnicodeDecodeError):
            # ignore_errors does not cover every error.
            found = []
        if len(found) == len(lines):
            return found
        if len(lines) == 1:
            return [self.count(lines) == 1]
        middle = len(lines) // 2
        return self.verdicts(lines[:middle]) + self.verdicts(lines[middle:])

    def store(self, lines: Sequence[bytes], *, validated: bool) -> list[Row] | None:
        """The rows stored from the lines, in their order; None if it refuses them."""
        self._write(lines)
        self._connection.execute(f"TRUNCATE {self._table}")
        statement = insert_files(self._source, "fuzz", validated=validated)
        try:
            self._connection.execute(statement, [[str(self._path)]])
        except (duckdb.Error, UnicodeDecodeError):
            return None
        return self._connection.execute(f"SELECT {self._columns} FROM {self._table}").fetchall()

    def _write(self, lines: Sequence[bytes]) -> None:
        self._path.write_bytes(b"".join(line + b"\n" for line in lines))


def _type(kind: Any) -> str:
    if isinstance(kind, String):
        return "VARCHAR"
    if isinstance(kind, Float):
        return "DOUBLE"
    return "BIGINT" if isinstance(kind, Integer) else "TIMESTAMP"


def main() -> Iterator[str]:
    """Run the fuzzer with the command line's arguments. Yields the report, line by line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = Fuzz(Path(folder), given.seed).run(given.lines)
    yield report.as_json()
    if report.disagreements:
        sys.exit(1)


if __name__ == "__main__":
    for text in main():
        sys.stdout.write(f"{text}\n")
