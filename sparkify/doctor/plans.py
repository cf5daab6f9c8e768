"""The plans of a load and of the questions, and the joins in them that move whole tables. Nothing is written.

Every statement is explained, and none is run except to create the temporary tables of a load: later statements
name them, so they are created without rows, in a transaction that is rolled back.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from itertools import product
from typing import Literal, get_args

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from sparkify.databases import Database
from sparkify.etl.errors import ConfigurationError
from sparkify.etl.questions import Question
from sparkify.redshift.plans import CostlyJoin
from sparkify.warehouse.facade import Warehouse
from sparkify.warehouse.revisions import current

__all__ = ["Explained", "explain"]

_COLLECTED = re.compile(r"\s*(?P<table>CREATE TEMPORARY TABLE \S+[^(]*?)\sAS\s(?P<query>.*)", re.DOTALL)
_CREATED = re.compile(r"\s*CREATE TEMPORARY TABLE\b")
_EXPLAINED = re.compile(r"\s*(?:SELECT|WITH|INSERT|UPDATE|DELETE)\b")
_VALUES = re.compile(r"\s*INSERT INTO [^(]*\([^)]*\) VALUES\b")


@dataclass(frozen=True)
class Explained:
    """What the plan of one statement shows.

    :ivar part: whether it belongs to a load, or is a question.
    :ivar step: the title of the step, or the name of the question.
    :ivar joins: the costly joins, from the top of the plan to its bottom.
    :ivar message: why there is no plan, if the status is ``problem``.
    """

    part: Literal["load", "question"]
    step: str
    statement: str
    status: Literal["ok", "costly", "problem"]
    joins: tuple[CostlyJoin, ...] = ()
    message: str = ""


def explain(warehouse: Warehouse) -> tuple[Explained, ...]:
    """The plan of each statement of a first load, and of each question asked without options.

    Empty if no join moves rows, as on a database of one process.

    :raises ConfigurationError: if there are no tables yet, or a load could not be planned.
    """
    if not warehouse.database.moves_rows:
        return ()
    load = [(step.title, text) for step in warehouse.explain() for text in step.statements]
    with warehouse.engine.connect() as connection:
        if current(connection) is None:
            raise ConfigurationError("there are no tables yet", hint="sparkify-etl migrate")
        connection.rollback()
        explainer = _Explainer(warehouse.database, connection)
        return (*explainer.load(load), *explainer.questions(_questions(warehouse)))


def _questions(warehouse: Warehouse) -> Iterator[tuple[str, str]]:
    """The name and the SQL of each question; one with a required argument, once for each value of it."""
    module = warehouse.pipeline.questions
    asked: Mapping[str, Question] = import_module(module).QUESTIONS if module else {}
    for name, question in asked.items():
        parameters = inspect.signature(question.ask, eval_str=True).parameters.values()
        needed = [one for one in parameters if one.default is one.empty]
        for words in product(*(get_args(one.annotation) for one in needed)):
            yield " ".join([name, *words]), warehouse.database.render(question.ask(*words))


class _Explainer:
    """Explains statements over one connection, and rolls back."""

    def __init__(self, database: Database, connection: Connection) -> None:
        self._database, self._connection = database, connection
        self._created: list[str] = []

    def load(self, statements: Iterable[tuple[str, str]]) -> Iterator[Explained]:
        """Explain the statements of a load that have a plan."""
        try:
            for step, text in statements:
                yield from self._step(step, text)
        finally:
            self._connection.rollback()
            self._created.clear()

    def questions(self, statements: Iterable[tuple[str, str]]) -> Iterator[Explained]:
        """Explain the questions."""
        for name, text in statements:
            yield self._explain("question", name, text)
        self._connection.rollback()

    def _step(self, step: str, text: str) -> Iterator[Explained]:
        if collected := _COLLECTED.fullmatch(text):
            yield self._explain("load", step, collected["query"])
            self._create(f"{collected['table']} AS SELECT * FROM ({collected['query']}) AS rows WHERE FALSE")
        elif _CREATED.match(text):
            self._create(text)
        elif _EXPLAINED.match(text) and not _VALUES.match(text):
            yield self._explain("load", step, text)

    def _create(self, text: str) -> None:
        self._connection.exec_driver_sql(text)
        self._created.append(text)

    def _explain(self, part: Literal["load", "question"], step: str, text: str) -> Explained:
        try:
            joins = tuple(self._database.costly_joins(self._connection, text))
        except DBAPIError as exc:
            # The transaction is aborted, and its temporary tables are lost.
            self._connection.rollback()
            for made in self._created:
                self._connection.exec_driver_sql(made)
            error = self._database.translate(exc)
            message = error.found if error else str(exc.orig).splitlines()[0]
            return Explained(part, step, text, "problem", message=message)
        return Explained(part, step, text, "costly" if joins else "ok", joins)
