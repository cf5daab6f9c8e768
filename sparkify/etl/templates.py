"""Compiles the statements that every load sends once per process, and fills in what differs between loads."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from sqlalchemy import BigInteger, ClauseElement, ColumnElement, SelectBase, literal, null
from sqlalchemy.exc import CompileError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

__all__ = ["Limits", "LoadNumber", "LoadValues", "Place", "Renderer", "Template"]


Limits = Mapping[str, tuple[Any, Any]]
"""The least and the greatest value of a batch, by ``limit_key``; both None if it has no rows."""

_NUMBER = "load"
_MARKS = re.compile("\x02([a-z0-9]+)\x03")
"""No statement of a pipeline contains these characters: templates contain nothing that comes from files."""


class LoadNumber(ColumnElement[int]):
    """The number of the load that sends the statement."""

    # Its text depends on the load.
    inherit_cache = False
    type = BigInteger()


class LoadValues(dict[str, tuple[Any, Any]]):
    """The values that a load fills into its statements: the limits of its batch by key, and its number.

    :ivar load_id: None until it is known.
    """

    def __init__(self, limits: Limits, load_id: int | None) -> None:
        super().__init__(limits)
        self.load_id = load_id

    def number(self) -> str:
        """The number of the load as SQL text."""
        if self.load_id is None:
            raise CompileError("the number of the load is not known yet")
        return str(self.load_id)


class Renderer(Protocol):
    """The part of an adapter that is needed here."""

    def render(self, statement: ClauseElement, *, limits: Limits | None = None) -> str:
        """The text of a statement, including its values and the known limits of the batch."""


@dataclass(frozen=True)
class Place:
    """A placeholder for a limit.

    :ivar take: given the type of the limit, the text of the placeholder, which is replaced later.
    """

    take: Callable[[TypeEngine[Any]], str]


class _Places(LoadValues):
    """Provides placeholders instead of the values of a load while a statement is compiled."""

    def __init__(self) -> None:
        super().__init__({}, None)
        self.limits: list[tuple[str, int, TypeEngine[Any]]] = []

    def get(self, key: str, default: Any = None) -> Any:
        return Place(partial(self._take, key, 0)), Place(partial(self._take, key, 1))

    def _take(self, key: str, which: int, of_type: TypeEngine[Any]) -> str:
        self.limits.append((key, which, of_type))
        return _mark(str(len(self.limits) - 1))

    def number(self) -> str:
        return _mark(_NUMBER)


def _mark(name: str) -> str:
    return f"\x02{name}\x03"


class Template:
    """A statement of a plan, with its text for each kind of database that it was sent to.

    Building and compiling the statements of a plan takes three tenths of the CPU time of a small load.
    """

    def __init__(self, statement: ClauseElement) -> None:
        self.statement = statement
        self._texts: dict[type, tuple[str, _Places]] = {}

    @property
    def reads(self) -> bool:
        """Whether it is a SELECT."""
        return isinstance(self.statement, SelectBase)

    def text(self, renderer: Renderer, values: LoadValues) -> str:
        """The text of the statement in one load; if a limit is not known, it is compiled for that load."""
        kind = type(renderer)
        if kind not in self._texts:
            places = _Places()
            self._texts[kind] = renderer.render(self.statement, limits=places), places
        text, places = self._texts[kind]
        if any(key not in values for key, *_ in places.limits):
            return renderer.render(self.statement, limits=values)

        def fill(mark: re.Match[str]) -> str:
            if mark[1] == _NUMBER:
                return values.number()
            key, which, of_type = places.limits[int(mark[1])]
            value = values[key][which]
            return renderer.render(null() if value is None else literal(value, of_type))

        return _MARKS.sub(fill, text)


@compiles(LoadNumber)
def _load_number(_element: LoadNumber, _compiler: SQLCompiler, *, limits: Any = None, **_kw: Any) -> str:
    if not isinstance(limits, LoadValues):
        raise CompileError("the number of the load is not known here")
    return limits.number()
