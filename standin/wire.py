"""The PostgreSQL wire protocol, version 3: read messages from a stream and build them."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

PROTOCOL_3 = 196608
SSL_REQUEST = 80877103
GSS_REQUEST = 80877104
CANCEL_REQUEST = 80877102

JSONB = 3802
SUPER = 4000


class Disconnected(Exception):
    """The other side has closed the connection."""


def read_exactly(stream: BinaryIO, size: int) -> bytes:
    """Read exactly ``size`` bytes.

    :raises Disconnected: if the stream ends earlier.
    """
    data = stream.read(size) if size else b""
    if data is None or len(data) < size:
        raise Disconnected
    return data


def read_message(stream: BinaryIO) -> tuple[bytes, bytes]:
    """The next message: its type byte and its body."""
    head = read_exactly(stream, 5)
    (length,) = struct.unpack("!I", head[1:])
    return head[:1], read_exactly(stream, length - 4)


def message(kind: bytes, body: bytes = b"") -> bytes:
    """A whole message."""
    return kind + struct.pack("!I", len(body) + 4) + body


def cstring(text: str) -> bytes:
    """The text with a terminating zero byte."""
    return text.encode() + b"\0"


def take_cstring(body: bytes, at: int = 0) -> tuple[str, int]:
    """The text that begins at ``at``, and where the next field begins."""
    end = body.index(b"\0", at)
    return body[at:end].decode(), end + 1


def startup_parameters(body: bytes) -> dict[str, str]:
    """The pairs of a StartupMessage."""
    parts = body.rstrip(b"\0").split(b"\0")
    return {k.decode(): v.decode() for k, v in zip(parts[::2], parts[1::2], strict=False)}


def startup(parameters: Mapping[str, str]) -> bytes:
    """A StartupMessage."""
    body = struct.pack("!I", PROTOCOL_3)
    body += b"".join(cstring(k) + cstring(v) for k, v in parameters.items()) + b"\0"
    return struct.pack("!I", len(body) + 4) + body


def fields_of(body: bytes) -> dict[str, str]:
    """The fields of an ErrorResponse or a NoticeResponse."""
    return {part[:1].decode(): part[1:].decode("utf-8", "replace") for part in body.split(b"\0") if part}


def report(kind: bytes, fields: Mapping[str, str]) -> bytes:
    """An ErrorResponse (``E``) or a NoticeResponse (``N``)."""
    return message(kind, b"".join(key.encode() + cstring(value) for key, value in fields.items()) + b"\0")


def info(text: str) -> bytes:
    """A notice of severity INFO."""
    return report(b"N", {"S": "INFO", "C": "00000", "M": text})


def parameter_status(name: str, value: str) -> bytes:
    """A ParameterStatus."""
    return message(b"S", cstring(name) + cstring(value))


def ready(status: str) -> bytes:
    """ReadyForQuery with I (idle), T (in a transaction) or E (in a failed one)."""
    return message(b"Z", status.encode())


def complete(tag: str) -> bytes:
    """CommandComplete."""
    return message(b"C", cstring(tag))


def parse(name: str, sql: str, oids: Sequence[int]) -> bytes:
    """A Parse message."""
    body = cstring(name) + cstring(sql) + struct.pack("!H", len(oids))
    return message(b"P", body + b"".join(struct.pack("!I", oid) for oid in oids))


def read_parse(body: bytes) -> tuple[str, str, list[int]]:
    """Name, text and parameter types of a Parse message."""
    name, at = take_cstring(body)
    sql, at = take_cstring(body, at)
    (count,) = struct.unpack_from("!H", body, at)
    return name, sql, list(struct.unpack_from(f"!{count}I", body, at + 2))


@dataclass(frozen=True)
class Bind:
    """A Bind message: names, parameter values, and the part to forward."""

    portal: str
    statement: str
    rest: bytes
    values: tuple[str | bytes | None, ...]
    result_formats: tuple[int, ...]


def read_bind(body: bytes) -> Bind:
    """The parts of a Bind message; a value in text format is a ``str``."""
    portal, at = take_cstring(body)
    name, at = take_cstring(body, at)
    rest = body[at:]
    (count,) = struct.unpack_from("!H", body, at)
    formats = struct.unpack_from(f"!{count}h", body, at + 2)
    at += 2 + 2 * count
    (count,) = struct.unpack_from("!H", body, at)
    at += 2
    values: list[str | bytes | None] = []
    for number in range(count):
        (size,) = struct.unpack_from("!i", body, at)
        at += 4
        if size < 0:
            values.append(None)
            continue
        value = body[at : at + size]
        at += size
        binary = (formats[number] if len(formats) > 1 else formats[0]) if formats else 0
        values.append(value if binary else value.decode("utf-8", "replace"))
    (count,) = struct.unpack_from("!H", body, at)
    return Bind(portal, name, rest, tuple(values), struct.unpack_from(f"!{count}h", body, at + 2))


def bind(portal: str, name: str, rest: bytes) -> bytes:
    """A Bind message; ``rest`` is what follows the names."""
    return message(b"B", cstring(portal) + cstring(name) + rest)


def execute(portal: str, rows: int) -> bytes:
    """An Execute message."""
    return message(b"E", cstring(portal) + struct.pack("!I", rows))


def with_formats(body: bytes, formats: Sequence[int]) -> bytes:
    """A RowDescription with the formats in which the columns will be sent."""
    out = bytearray(body)
    (count,) = struct.unpack_from("!H", body)
    at = 2
    for number in range(count):
        at = body.index(b"\0", at) + 1
        code = (formats[number] if len(formats) > 1 else formats[0]) if formats else 0
        struct.pack_into("!h", out, at + 16, code)
        at += 18
    return bytes(out)


NO_BINDS = struct.pack("!HHH", 0, 0, 0)


def as_redshift_types(body: bytes) -> bytes:
    """A RowDescription with Redshift's SUPER in place of PostgreSQL's jsonb."""
    out = bytearray(body)
    (count,) = struct.unpack_from("!H", body)
    at = 2
    for _ in range(count):
        at = body.index(b"\0", at) + 1
        (oid,) = struct.unpack_from("!I", body, at + 6)
        if oid == JSONB:
            struct.pack_into("!I", out, at + 6, SUPER)
        at += 18
    return bytes(out)


def columns_of(body: bytes) -> list[tuple[str, int, int]]:
    """Name, type OID and type modifier of each column of a RowDescription."""
    (count,) = struct.unpack_from("!H", body)
    at = 2
    found = []
    for _ in range(count):
        name, at = take_cstring(body, at)
        _table, _number, oid, _size, modifier, _format = struct.unpack_from("!IhIhih", body, at)
        found.append((name, oid, modifier))
        at += 18
    return found


def row_of(body: bytes) -> list[str | None]:
    """The values of a DataRow in text format."""
    (count,) = struct.unpack_from("!H", body)
    at = 2
    values: list[str | None] = []
    for _ in range(count):
        (size,) = struct.unpack_from("!i", body, at)
        at += 4
        if size < 0:
            values.append(None)
        else:
            values.append(body[at : at + size].decode())
            at += size
    return values
