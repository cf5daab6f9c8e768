"""The SET statements that a new session begins with: which schema it is in, and its parameters.

``search_path`` rather than SQLAlchemy's ``schema_translate_map``: it holds for every text that a session
sends, also for those that are compiled without a connection or not at all, such as the SELECT inside UNLOAD,
LOCK, raw SQL in migrations, and what a user runs. It names one schema: no table of another is ever found.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["quote_name", "schema_name", "set_statements"]

_MOST_BYTES: Final = 127
_RESERVED: Final = ("$user", "information_schema")


def schema_name(text: str) -> str:
    """The name of a schema as the catalogue has it: Redshift folds letters to lower case, also in quotes.

    >>> schema_name("Dev")
    'dev'

    :raises ValueError: for what cannot be a schema of one's own.
    """
    # Letters of ASCII alone: what becomes of the others is not documented.
    name = "".join(letter.lower() if letter.isascii() else letter for letter in text)
    if not name or "\0" in name or len(name.encode()) > _MOST_BYTES:
        raise ValueError(f"not the name of a schema: it has 1 to {_MOST_BYTES} bytes, and no NUL")
    # In search_path "$user" is the schema that is named as the user, even in quotes.
    if name in _RESERVED or name.startswith("pg_"):
        raise ValueError("not the name of a schema of your own: Redshift keeps it for itself")
    return name


def quote_name(name: str) -> str:
    """A name in double quotes, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def set_statements(schema: str | None, parameters: Mapping[str, str]) -> list[str]:
    """The statements, in order.

    :param schema: that names without one are of; None: left as the user has it.
    :param parameters: by name, the value as SQL text.
    """
    path = [] if schema is None else [f"SET search_path TO {quote_name(schema)}"]
    return [*path, *(f"SET {name} TO {value}" for name, value in parameters.items())]
