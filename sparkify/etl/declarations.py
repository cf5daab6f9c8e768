"""What a warehouse is made of, declared as data: sources, transforms, checks, and the pipeline they form.

Nothing here touches a file or a database. Another company can write its pipeline with these classes alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import InitVar, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Column, ColumnElement, MetaData, SelectBase, Table, literal
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.sql.elements import KeyedColumnElement

from sparkify.etl.declaration_checks import (
    check_best,
    check_checksums,
    check_columns,
    check_key,
    check_reads,
    check_schemas,
    check_sources,
    check_target,
    column_problems,
)
from sparkify.etl.ledger_tables import Checksum, Ledger
from sparkify.etl.ranges import limit_key, limits_of
from sparkify.etl.staging import JsonField, Kept, Location, Required, Source, Watched, from_json, json_fields
from sparkify.etl.views import View

__all__ = [
    "Append",
    "Best",
    "Check",
    "Checksum",
    "Collect",
    "Columns",
    "Insert",
    "JsonField",
    "Kept",
    "Ledger",
    "Location",
    "Merge",
    "Pipeline",
    "Replace",
    "Required",
    "Rows",
    "Source",
    "Sync",
    "Transform",
    "Update",
    "View",
    "Watched",
    "from_json",
    "json_fields",
]

Columns = ReadOnlyColumnCollection[str, KeyedColumnElement[Any]]
"""The columns of a row, by their names."""

Rows = Callable[[ColumnElement[int]], SelectBase]
"""Given an expression for the id of the load, returns a SELECT whose columns are named as the target's.

Called once for many loads of a process: a SELECT must ask the database for the time (``func.current_date()``).
"""

Best = Callable[[Columns], Sequence[ColumnElement[Any]]]
"""Given the columns of a row, returns an ORDER BY that puts the best row first; it must be a total order."""


@dataclass(frozen=True, kw_only=True)
class Transform:
    """How the rows of one SELECT reach one target table; the subclasses are the dispositions.

    :ivar title: what the step does, for reports and dry runs.
    :ivar target: the table that is written.
    :ivar rows: returns the SELECT, at the target's grain.
    :ivar reads: the sources it depends on; the step is left out if the load has no files from any of them.
    """

    title: str
    target: Table
    rows: Rows
    reads: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Collect(Transform):
    """Rows that later transforms of the same load share: the target is a temporary table, made from ``rows``
    and dropped after the commit.
    """


@dataclass(frozen=True, kw_only=True)
class Append(Transform):
    """Append the rows as they are. ``rows`` itself must leave out what the target already has."""


@dataclass(frozen=True, kw_only=True)
class Insert(Transform):
    """Insert the rows whose key the target lacks. Existing rows stay as they are.

    :ivar key: the natural key; unique in ``rows``.
    :ivar bounds: a column of the batch with the range of the key's first column; the target is read only
        within that range. It must be one of the ``ranges`` of its source.
    """

    key: tuple[str, ...]
    bounds: ColumnElement[Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Merge(Transform):
    """Keep the best row for each key, among the rows of the batch and the row in the target.

    The outcome does not depend on the order in which files arrive. On a tie, the row in the target stays
    untouched.

    :ivar key: one column; ``rows`` may have several rows per key.
    :ivar scope: the rows of the target that may be replaced; others are never touched.
    """

    key: tuple[str]
    best: Best
    scope: ColumnElement[bool] | None = None


@dataclass(frozen=True, kw_only=True)
class Sync(Transform):
    """Make the target rows with a touched key, within ``scope``, equal to ``rows``: delete those that differ or
    are not in it, insert those that are missing, leave equal ones untouched. If a row outside the scope has a
    key, no row with that key is inserted.

    :ivar key: one column, unique in ``rows``.
    :ivar touched: the keys that the load may have changed; ``rows`` has no others.
    """

    key: tuple[str]
    touched: SelectBase
    scope: ColumnElement[bool]


@dataclass(frozen=True, kw_only=True)
class Replace(Transform):
    """Delete rows of the target, then insert ``rows``.

    :ivar scope: which rows are deleted; it may name a temporary table that the load has collected. ``rows``
        is selected after the DELETE.
    """

    scope: ColumnElement[bool]


@dataclass(frozen=True, kw_only=True)
class Update(Transform):
    """Update columns of existing rows of the target wherever they differ from ``rows``.

    :ivar key: the columns that identify the row; the other columns of ``rows`` are set.
    :ivar silent: columns that are set too, but do not trigger an update when only they differ.
    """

    key: tuple[str, ...]
    silent: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Check:
    """A quality check: a SELECT that returns the rows that violate it, and none when all is well.

    :ivar rows: returns the SELECT. Given an expression for a load id, it may read only the rows of that load;
        given None, it reads everything. Called once for many loads and checks of a process, like :data:`Rows`.
    :ivar during_load: whether it also runs inside each load, before the commit.
    :ivar implied_by: checks that imply this one: if all of them pass, it has nothing to find, and a check of
        the whole warehouse skips it.
    :ivar is_dated: whether the SELECT for a whole warehouse depends on when it is built; it is then built anew.
    :ivar hint: what to do about rows that violate it.
    """

    name: str
    rows: Callable[[ColumnElement[int] | None], SelectBase]
    during_load: bool = True
    implied_by: tuple[Check, ...] = ()
    is_dated: bool = False
    hint: str | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Pipeline:
    """A whole warehouse: where the data comes from, what is made of it, and what must hold.

    :ivar name: used in messages and in the names and tags of what is created for the pipeline.
    :ivar transforms: in the order in which they run.
    :ivar checked: SELECTs that the checks of a load share, keyed by the tables that stand for them there, so
        that a large table is read once for all checks. A later one may name an earlier one.
    :ivar checksums: the tables whose rows the ledger sums up, in addition to its own.
    :ivar numbers: columns other than ``load_id`` whose values depend on the order of loads.
    :ivar tables: the tables that the transforms fill, the fact first; a full refresh empties them.
    :ivar views: additional views for readers of the database; no load writes or reads them.
    :ivar migrations: the folder with the Alembic migrations; None if there are none.
    :ivar create_from_models: whether a load may create the tables of a new embedded database from the models,
        which is faster than running the migrations. Set it only if the migrations create nothing except the
        tables of the models, these views and the row of the lock: no other view and no other row.
    :ivar questions: the module whose ``QUESTIONS`` are the questions that can be asked by name.
    :ivar report: the module whose ``build`` writes the page of the report.
    :ivar summary: given the row count of each table, says in a few words what the warehouse holds.
    :ivar rules_version: incremented when a transform makes different rows from the same files, so that rows
        made by older rules are reported.
    :ivar undated: the pipeline from which :meth:`as_of` made this one, None if it did not; only sources differ.
    :param compare_columns: False skips comparing the columns of the transforms with those of their targets,
        which takes 0.05 s at each import; a test does it instead, with ``dataclasses.replace(PIPELINE)``.
    :raises ConfigurationError: when its names do not fit together, such as when a transform reads none of its
        sources, or fills none of ``tables``; and when a table names a schema.
    :raises ValueError: when a transform does not name the columns of its target, because a column that its
        SELECT lacks would silently be NULL; and when the bounds of an :class:`Insert` are not among the
        ``ranges`` of a source.
    """

    name: str
    sources: tuple[Source, ...]
    transforms: tuple[Transform, ...]
    checks: tuple[Check, ...]
    ledger: Ledger
    tables: tuple[Table, ...]
    checksums: tuple[Checksum, ...] = ()
    numbers: tuple[Column[Any], ...] = ()
    views: tuple[View, ...] = ()
    checked: Mapping[Table, Rows] = field(default_factory=dict)
    migrations: Path | None = None
    create_from_models: bool = False
    questions: str | None = None
    report: str | None = None
    summary: Callable[[Mapping[str, int]], str] | None = None
    rules_version: int = 1
    undated: Pipeline | None = None
    compare_columns: InitVar[bool] = True

    def __post_init__(self, compare_columns: bool) -> None:
        _check(self)
        ranges = {limit for source in self.sources for limit in limits_of(source, None)}
        for one in self.transforms:
            if isinstance(one, Insert) and one.bounds is not None and limit_key(one.bounds) not in ranges:
                raise ValueError(f"transform {one.title!r}: its bounds are no range of a source")
        if not compare_columns:
            return
        if problems := [problem for transform in self.transforms for problem in _column_problems(transform)]:
            raise ValueError("; ".join(problems))

    def source(self, name: str) -> Source:
        """The source with that name.

        :raises KeyError: when there is none.
        """
        return {source.name: source for source in self.sources}[name]

    def as_of(self, moment: datetime) -> Pipeline:
        """This pipeline with the rules that its sources have for a load at this moment (UTC)."""
        sources = tuple(source.as_of(moment) for source in self.sources)
        return replace(self, sources=sources, undated=self.undated or self, compare_columns=False)

    @property
    def metadata(self) -> MetaData:
        """The metadata of its tables, which migrations are compared with."""
        return self.ledger.history.metadata


def _check(pipeline: Pipeline) -> None:
    """Check that a pipeline has what its transforms and checksums name."""
    sources = [source.name for source in pipeline.sources]
    check_sources(sources, [source.staging for source in pipeline.sources])
    targets = [one.target for one in pipeline.transforms]
    check_schemas([*pipeline.tables, *targets, *pipeline.ledger.tables])
    check_checksums(pipeline.checksums, sources)
    for one in pipeline.transforms:
        where = f"transform {one.title!r}"
        check_reads(one.reads, sources, where=where)
        if not isinstance(one, Collect):
            check_target(one.target, pipeline.tables, where=where)
        if isinstance(one, Insert | Merge | Sync | Update):
            check_key(one.key, one.target, where=where, single=isinstance(one, Merge | Sync))
        if isinstance(one, Merge):
            check_best(one.best, one.target, where=where)
        if isinstance(one, Update) and one.silent:
            check_columns(one.silent, one.target, where=where, what="silent")


def _column_problems(transform: Transform) -> Iterator[str]:
    """What is wrong with the columns of a transform's SELECT."""
    given = transform.rows(literal(0, BigInteger)).selected_columns.keys()
    needed = (*transform.key, *transform.silent) if isinstance(transform, Update) else None
    return column_problems(given, transform.target, needed, where=f"transform {transform.title!r}")
