"""GRANT to read, as DDL elements, and a parser for a list of users, groups and roles.

Source: page GRANT (``r_GRANT``) of the Amazon Redshift Database Developer Guide: ``TO username | ROLE role_name
| GROUP group_name | PUBLIC``. What is granted already may be granted again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import sqlalchemy as sa
from sqlalchemy.exc import CompileError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import ExecutableDDLElement

__all__ = ["GrantSchema", "GrantSelect", "Grantee", "parse_grantees"]

Kind = Literal["USER", "GROUP", "ROLE", "PUBLIC"]

_MOST_BYTES: Final = 127
_GRANTEE: Final = re.compile(
    r"""\s*(?:(?P<kind>USER|GROUP|ROLE)\s+)?(?:"(?P<quoted>(?:[^"]|"")+)"|(?P<plain>[^",\s]+))\s*(?:,|$)""",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Grantee:
    """A user, a group or a role; or PUBLIC, which is everybody and has no name."""

    kind: Kind
    name: str = ""

    def __post_init__(self) -> None:
        """:raises ValueError: for an unknown kind, and for what cannot be a name."""
        if self.kind not in get_args(Kind):
            raise ValueError(f"{self.kind!r} is not one of {', '.join(get_args(Kind))}")
        if (
            "\0" in self.name
            or len(self.name.encode()) > _MOST_BYTES
            or (self.kind != "PUBLIC") != bool(self.name)
        ):
            raise ValueError(f"the name of a {self.kind} has 1 to {_MOST_BYTES} bytes, and no NUL")


def parse_grantees(text: str) -> tuple[Grantee, ...]:
    """The grantees after the TO of a GRANT: ``GROUP analysts, ROLE bi, alice``. A name alone is a user.

    >>> parse_grantees('GROUP analysts, role "the board"')
    (Grantee(kind='GROUP', name='analysts'), Grantee(kind='ROLE', name='the board'))

    :raises ValueError: for anything else.
    """
    found = []
    at = 0
    while at < len(text):
        match = _GRANTEE.match(text, at)
        if match is None:
            raise ValueError("not of the form: GROUP analysts, ROLE bi, alice, PUBLIC")
        name = match["plain"] or match["quoted"].replace('""', '"')
        if (match["plain"] or "").upper() in ("USER", "GROUP", "ROLE"):
            raise ValueError(f"{match['plain'].upper()} without a name")
        kind = (match["kind"] or "USER").upper()
        if not match["kind"] and (match["plain"] or "").upper() == "PUBLIC":
            kind, name = "PUBLIC", ""
        found.append(Grantee(kind, name))  # type: ignore[arg-type]  # it checks that itself
        at = match.end()
    return tuple(found)


class _Grant(ExecutableDDLElement):
    inherit_cache = False  # DDL is not cached

    def __init__(self, to: Sequence[Grantee]) -> None:
        """:raises sqlalchemy.exc.CompileError: when there is nobody to grant it to."""
        if not to:
            raise CompileError("a GRANT is for somebody")
        self.to = tuple(to)


class GrantSchema(_Grant):
    """``GRANT USAGE ON SCHEMA s TO ..``, without which privileges on its tables are of no use."""

    def __init__(self, schema: str, to: Sequence[Grantee]) -> None:
        super().__init__(to)
        self.schema = schema


class GrantSelect(_Grant):
    """``GRANT SELECT ON TABLE a, b TO ..``"""

    def __init__(self, tables: Sequence[sa.TableClause], to: Sequence[Grantee]) -> None:
        """:raises sqlalchemy.exc.CompileError: when there is no table, or nobody to grant it to."""
        super().__init__(to)
        if not tables:
            raise CompileError("a GRANT SELECT is of tables")
        self.tables = tuple(tables)


@compiles(GrantSchema, "redshift")
def _grant_schema(element: GrantSchema, compiler: Any, **kw: Any) -> str:
    schema = compiler.preparer.quote_identifier(element.schema)
    return f"GRANT USAGE ON SCHEMA {schema} TO {_grantees(element, compiler)}"


@compiles(GrantSelect, "redshift")
def _grant_select(element: GrantSelect, compiler: Any, **kw: Any) -> str:
    tables = ", ".join(compiler.preparer.format_table(table) for table in element.tables)
    return f"GRANT SELECT ON TABLE {tables} TO {_grantees(element, compiler)}"


def _grantees(element: _Grant, compiler: Any) -> str:
    # Always in quotes: a user name that is a keyword would be read as one.
    return ", ".join(
        one.kind
        if one.kind == "PUBLIC"
        else f"{'' if one.kind == 'USER' else f'{one.kind} '}{compiler.preparer.quote_identifier(one.name)}"
        for one in element.to
    )
