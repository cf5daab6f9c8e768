"""Sets up a session of the driver: the SET statements that it begins with, and autocommit within a block.

``search_path`` rather than SQLAlchemy's ``schema_translate_map``: it applies to every text that a session
sends, even if compiled without a connection or not at all, such as the SELECT inside UNLOAD, LOCK, raw SQL in
migrations, and what a user runs. It names one schema, so that no table of another is ever found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

__all__ = ["autocommit", "parameter_text", "parse_parameters", "quote_name", "schema_name", "set_statements"]

_MOST_BYTES: Final = 127
_RESERVED: Final = ("$user", "information_schema")
_PARAMETER: Final = re.compile(
    r"""\s*(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?)\s*(?:=|\sTO\s)\s*
    (?:'(?P<quoted>(?:[^']|'')*)'|(?P<plain>[^,']*[^,'\s]))\s*(?:,|$)""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_NUMBER: Final = re.compile(r"-?[0-9]{1,18}")
#: Names that have an option of their own, or that set the identity of the session.
_OTHERWISE: Final = ("search_path", "statement_timeout", "query_group", "session_authorization", "role")


def schema_name(text: str) -> str:
    """The name of a schema as the catalogue has it: Redshift folds letters to lower case, also in quotes.

    >>> schema_name("Dev")
    'dev'

    :raises ValueError: for what cannot be a schema of one's own.
    """
    # ASCII letters only: what becomes of the others is not documented.
    name = "".join(letter.lower() if letter.isascii() else letter for letter in text)
    if not name or "\0" in name or len(name.encode()) > _MOST_BYTES:
        raise ValueError(f"not the name of a schema: it has 1 to {_MOST_BYTES} bytes, and no NUL")
    # In search_path "$user" is the schema named after the user, even in quotes.
    if name in _RESERVED or name.startswith("pg_"):
        raise ValueError("not the name of a schema of your own: Redshift keeps it for itself")
    return name


def quote_name(name: str) -> str:
    """A name in double quotes, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def parse_parameters(text: str) -> dict[str, str | int]:
    """Parameters of a session and their values, from ``name = value, name = 'value with , in it'``.

    >>> parse_parameters("wlm_query_slot_count = 3, timezone to 'Europe/Berlin'")
    {'wlm_query_slot_count': 3, 'timezone': 'Europe/Berlin'}

    :raises ValueError: for anything else, a name given twice, what has an option of its own (search_path,
        statement_timeout, query_group), and what cannot be set (session_authorization, role).
    """
    found: dict[str, str | int] = {}
    at = 0
    while at < len(text):
        match = _PARAMETER.match(text, at)
        if match is None:
            raise ValueError("not of the form: name = value, name = 'value'")
        name = match["name"].lower()
        if name in _OTHERWISE:
            raise ValueError(f"{name} has a setting of its own, or cannot be set")
        if name in found:
            raise ValueError(f"{name} is there twice")
        found[name] = parameter_text(match["plain"] or match["quoted"].replace("''", "'"))
        if match["plain"] and _NUMBER.fullmatch(match["plain"]):
            found[name] = int(match["plain"])
        at = match.end()
    return found


def set_statements(schema: str | None, parameters: Mapping[str, str | int]) -> list[str]:
    """The statements, in order.

    :param schema: the schema of names without one; None: the user's own search_path applies.
    :param parameters: values by name. A name is written unquoted: it comes from
        :func:`parse_parameters`, or from the code.
    :raises ValueError: as :func:`parameter_text`.
    """
    path = [] if schema is None else [f"SET search_path TO {quote_name(schema)}"]
    return [*path, *(f"SET {name} TO {_literal(value)}" for name, value in parameters.items())]


def parameter_text(text: str) -> str:
    """``text`` unchanged, if it can be a value of SET.

    Redshift reads a backslash as the beginning of an escape, PostgreSQL since 9.1 reads it literally, and SET
    takes no expression in which it could be written for both.

    :raises ValueError: when it has a backslash or a NUL.
    """
    if "\\" in text or "\0" in text:
        raise ValueError("a value of SET has no backslash and no NUL")
    return text


def _literal(value: str | int) -> str:
    return str(value) if isinstance(value, int) else "'" + parameter_text(value).replace("'", "''") + "'"


@contextmanager
def autocommit(connection: Any) -> Iterator[None]:
    """Keep a connection of the driver from beginning transactions within the block; none may be open.

    :param connection: None if there is none, as in a dry run.
    """
    if connection is not None:
        connection.autocommit = True
    try:
        yield
    finally:
        if connection is not None:
            connection.autocommit = False
