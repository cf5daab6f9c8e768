"""Convert a JSON value for a column as COPY does: what fits, what is cut, and the error for the rest."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from .copy_command import CopyCommand
from .json_rows import Num, dumps

NOT_NULL = (1213, "Missing data for not-null field")
_RANGES = {"int2": 1 << 15, "int4": 1 << 31, "int8": 1 << 63}
_FLOATS = {
    "float4": (1.1754943508222875e-38, 3.4028235e38),
    "float8": (2.2250738585072014e-308, 1.7976931348623157e308),
}
_NAMES = {"int2": "Short", "int4": "Integer", "int8": "Long", "numeric": "Decimal"}
_TRUE = frozenset(("1", "t", "true", "y", "yes"))
_FALSE = frozenset(("0", "f", "false", "n", "no"))
_TIMESTAMP = re.compile(
    r"(\d{4})-(\d\d?)-(\d\d?)(?: (\d\d?):(\d\d)(?::(\d\d)(?:\.(\d{1,6})\d*)?)?)?(Z|[+-]\d\d(?::?\d\d)?)?$"
)
_EPOCH = dt.datetime(1970, 1, 1)
_STRPTIME = (
    ("YYYY", "%Y"), ("MM", "%m"), ("DD", "%d"), ("HH24", "%H"), ("HH12", "%I"), ("HH", "%H"), ("MI", "%M"),
    ("SS", "%S"), ("YY", "%y"), ("MON", "%b"), ("AM", "%p"), ("PM", "%p"),
)  # fmt: skip


@dataclass(frozen=True)
class LoadColumn:
    """A column of the loaded table."""

    name: str
    type: str  # as STL_LOAD_ERRORS names it: int4, varchar, timestamp, ...
    length: int = 0
    scale: int = 0
    not_null: bool = False
    has_default: bool = False

    @property
    def shown_length(self) -> str:
        """The length as STL_LOAD_ERRORS shows it."""
        return f"{self.length}, {self.scale}" if self.type == "numeric" else str(self.length)


class BadValue(Exception):
    """A value that does not fit, with the code and the reason that COPY records."""

    def __init__(self, code: int, reason: str, field: str = "", position: int = 0) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.field = field
        self.position = position


def convert(value: Any, column: LoadColumn, options: CopyCommand) -> str | None:
    """The text that PostgreSQL stores for the value, or None for NULL.

    :raises BadValue: if the value does not fit the column.
    """
    found = _convert(value, column, options)
    if found is None and column.not_null:
        raise BadValue(*NOT_NULL)
    return found


def _convert(value: Any, column: LoadColumn, options: CopyCommand) -> str | None:
    if value is None:
        return None
    if column.type == "super":
        return _checked(dumps(value), column, options)
    text = value if isinstance(value, str) else dumps(value)
    if options.emptyasnull and text == "":
        return None
    if options.blanksasnull and text.strip(" ") == "" and text != "":
        return None
    if column.type in ("varchar", "char"):
        return _characters(text, column, options)
    text = text.strip(" ")
    if text == "":
        return None
    if column.type in _RANGES:
        return _integer(text, column, isinstance(value, Num))
    if column.type == "numeric":
        return _decimal(text, column, options, isinstance(value, Num))
    if column.type in ("float4", "float8"):
        return _float(text, column)
    if column.type == "bool":
        return _boolean(text)
    if column.type == "date":
        return _date(text, options)
    if column.type in ("timestamp", "timestamptz"):
        return _timestamp(text, column, options)
    raise BadValue(1223, "Data type is not valid for COPY from JSON", text)


def _checked(text: str, column: LoadColumn, options: CopyCommand) -> str:
    """The text if it is UTF-8 that the column can hold; ACCEPTINVCHARS replaces bad bytes."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        if options.acceptinvchars is None:
            bad = text[error.start].encode("utf-8", "surrogatepass")
            if "\udc80" <= text[error.start] <= "\udcff":
                bad = bytes([ord(text[error.start]) - 0xDC00])
            reason = "String contains invalid or unsupported UTF-8 codepoints."
            told = f"{reason} Bad UTF-8 hex sequence: {bad.hex(' ')} (error 3)"
            raise BadValue(1220, told, text, error.start) from None
        text = re.sub("[\ud800-\udfff]", options.acceptinvchars, text)
    if "\0" in text:
        # Redshift may keep it. PostgreSQL cannot store it, so the stand-in refuses it and says so.
        raise BadValue(1220, "String contains a NUL character, which the stand-in cannot store", text)
    return text


def _characters(text: str, column: LoadColumn, options: CopyCommand) -> str:
    """Text for CHAR and VARCHAR, whose lengths count bytes."""
    text = _checked(text, column, options)
    if options.trimblanks:
        text = text.rstrip(" ")
    if column.type == "char" and not text.isascii():
        at = next(i for i, c in enumerate(text) if not c.isascii())
        bad = text[at].encode().hex(" ")
        raise BadValue(
            1220,
            f"Multibyte character not supported for CHAR (Hint: try using VARCHAR). Invalid char: {bad}",
            text,
            at,
        )
    encoded = text.encode()
    if len(encoded) > column.length:
        if options.truncatecolumns:
            return encoded[: column.length].decode("utf-8", "ignore")
        if len(encoded.rstrip(b" ")) <= column.length:
            return encoded[: column.length].decode()
        what = "Char" if column.type == "char" else "String"
        raise BadValue(1204, f"{what} length exceeds DDL length", text)
    return text


def _bad_digit(text: str, column: LoadColumn) -> BadValue:
    """1207, with the first character that is not a digit."""
    at = next((i for i, c in enumerate(text) if not (c.isdigit() or (c in "+-" and i == 0))), 0)
    kind = _NAMES[column.type]
    return BadValue(1207, f"Invalid digit, Value '{text[at]}', Pos {at}, Type: {kind}", text, at)


def _integer(text: str, column: LoadColumn, is_number: bool) -> str:
    if re.fullmatch(r"[+-]?\d+", text):
        number = int(text)
    elif is_number and Decimal(text) == (whole := Decimal(text).to_integral_value()) and abs(whole) < 10**30:
        number = int(whole)  # 1541016707796.0 is a whole number too
    else:
        raise _bad_digit(text, column)
    limit = _RANGES[column.type]
    if not -limit <= number < limit:
        raise BadValue(1222, f"Overflow, Column type: {_NAMES[column.type]}", text)
    return str(number)


def _decimal(text: str, column: LoadColumn, options: CopyCommand, is_number: bool) -> str:
    try:
        # COPY reads a JSON number as a double: 19.99 is 19.9899..., and it truncates extra digits
        number = Decimal(float(text)) if is_number and ("." in text or "e" in text.lower()) else Decimal(text)
    except (InvalidOperation, ValueError):
        raise _bad_digit(text, column) from None
    if not number.is_finite():
        raise _bad_digit(text, column)
    rounding = ROUND_HALF_UP if options.roundec else ROUND_DOWN
    try:
        number = number.quantize(Decimal(1).scaleb(-column.scale), rounding=rounding)
    except InvalidOperation:
        raise BadValue(1204, f"Numeric overflow, Column type: Decimal({column.shown_length})", text) from None
    if abs(number) >= Decimal(10) ** (column.length - column.scale):
        raise BadValue(1204, f"Numeric overflow, Column type: Decimal({column.shown_length})", text)
    return str(number)


def _float(text: str, column: LoadColumn) -> str:
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text):
        raise BadValue(1208, f"Invalid float value '{text[:40]}'", text)
    number = abs(float(text))
    least, largest = _FLOATS[column.type]
    if number > largest:
        raise BadValue(1204, "Overflow, Column type: Float", text)
    # In an INSERT, Redshift says "out of range for type double precision" for 2.3e-315; PostgreSQL keeps it.
    # We assume that COPY refuses the line, as it does for an overflow.
    if number < least and re.search("[1-9]", text.lower().partition("e")[0]):
        raise BadValue(1204, "Underflow, Column type: Float", text)
    return text


def _boolean(text: str) -> str:
    if text.lower() in _TRUE:
        return "true"
    if text.lower() in _FALSE:
        return "false"
    raise BadValue(1210, "Unknown boolean format", text)


def _date(text: str, options: CopyCommand) -> str | None:
    found = _moment(text, options.dateformat)
    if found is not None:
        return found.date().isoformat()
    if options.acceptanydate:
        return None
    raise BadValue(1205, "Invalid Date Format - length must be 10 or more", text)


def _timestamp(text: str, column: LoadColumn, options: CopyCommand) -> str | None:
    how = options.timeformat
    if how in ("epochsecs", "epochmillisecs"):
        found = _epoch(text, 1 if how == "epochsecs" else 1000)
    else:
        found = _moment(text, how, zone=column.type == "timestamptz")
    if found is not None:
        shown = found.isoformat(sep=" ")
        return shown + "+00" if column.type == "timestamptz" and found.tzinfo is None else shown
    if options.acceptanydate:
        return None
    raise BadValue(1206, f"Invalid timestamp format or value [{how or 'YYYY-MM-DD HH24:MI:SS'}]", text)


def _epoch(text: str, per_second: int) -> dt.datetime | None:
    """The timestamp so many units after 1970, without zone; milliseconds are kept."""
    try:
        number = Decimal(text)
        return _EPOCH + dt.timedelta(microseconds=int(number * (1_000_000 // per_second)))
    except (InvalidOperation, OverflowError, ValueError):
        return None


def _moment(text: str, how: str | None, *, zone: bool = False) -> dt.datetime | None:
    """The time that the text denotes in the format, or None."""
    try:
        if how == "auto":
            return dt.datetime.fromisoformat(text)
        if how is not None:
            pattern = how
            for ours, theirs in _STRPTIME:
                pattern = pattern.replace(ours, theirs)
            fraction = ".%f" if "." in text and "%S" in pattern and "." not in pattern else ""
            return dt.datetime.strptime(text, pattern + fraction)  # noqa: DTZ007 - no zone is meant
        match = _TIMESTAMP.match(text)
        if match is None or (match[8] and not zone):
            return None
        if match[8]:
            return dt.datetime.fromisoformat(text)
        year, month, day, hour, minute, second = (int(match[i] or 0) for i in range(1, 7))
        micro = int((match[7] or "").ljust(6, "0") or 0)
        return dt.datetime(year, month, day, hour, minute, second, micro)
    except ValueError:
        return None


def copy_line(fields: list[str | None]) -> bytes:
    """A row for PostgreSQL's COPY in text format."""
    out = [
        r"\N"
        if f is None
        else f.replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")
        for f in fields
    ]
    return "\t".join(out).encode() + b"\n"


def shown(text: str, size: int = 1024) -> str:
    """The text as the error tables keep it: cut, with a full stop for every non-ASCII character."""
    return re.sub(r"[^\x01-\x7f]", ".", text)[:size]
