"""What a warehouse is made of, declared as data: sources, transforms, checks, and the pipeline they form.

Nothing here touches a file or a database. A pipeline of another company is written with these words alone.
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
"""Given what stands for the id of the load, returns a SELECT whose columns are named as the target's.

Called once for many loads of a process: of the time a SELECT asks the database, as by ``func.current_date()``.
"""

Best = Callable[[Columns], Sequence[ColumnElement[Any]]]
"""Given the columns of a row, returns the ORDER BY that puts the best row first: a total order."""


@dataclass(frozen=True, kw_only=True)
class Transform:
    """How the rows of one SELECT reach one target table; the subclasses are the dispositions.

    :ivar title: what the step does, for reports and dry runs.
    :ivar target: the table that is written.
    :ivar rows: returns the SELECT, at the target's grain.
    :ivar reads: the sources without which nothing can change; none of them new, and the step is left out.
    """

    title: str
    target: Table
    rows: Rows
    reads: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Collect(Transform):
    """Rows that later transforms of the same load share: the target is a temporary table, made from ``rows``
    and dropped before the commit.
    """


@dataclass(frozen=True, kw_only=True)
class Append(Transform):
    """Rows, as they are. ``rows`` itself leaves out what the target has."""


@dataclass(frozen=True, kw_only=True)
class Insert(Transform):
    """Rows whose key the target has not. A row that is there stays as it is.

    :ivar key: the natural key; unique in ``rows``.
    :ivar bounds: a column of the batch with the range of the key's first column; the target is read
        within that range alone. It is one of the ``ranges`` of its source.
    """

    key: tuple[str, ...]
    bounds: ColumnElement[Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Merge(Transform):
    """The best row of each key, among the rows of the batch and the one that the target has.

    The outcome does not depend on the order in which files arrive. A row that is already there and as good
    stays untouched.

    :ivar key: one column; ``rows`` may have several rows of one key.
    :ivar scope: the rows of the target that take part; others are never touched.
    """

    key: tuple[str]
    best: Best
    scope: ColumnElement[bool] | None = None


@dataclass(frozen=True, kw_only=True)
class Sync(Transform):
    """The rows of the target with a touched key, within ``scope``, become exactly ``rows``: what differs or is
    gone is deleted, what is missing is inserted, what is equal stays untouched. A key that a row out of the
    scope has is left to that row.

    :ivar key: one column, unique in ``rows``.
    :ivar touched: the keys that the load may have changed; ``rows`` has no others.
    """

    key: tuple[str]
    touched: SelectBase
    scope: ColumnElement[bool]


@dataclass(frozen=True, kw_only=True)
class Replace(Transform):
    """Rows of the target give way to ``rows``.

    :ivar scope: which ones give way; it may name a temporary table that the load has collected. ``rows`` is
        asked after they are gone.
    """

    scope: ColumnElement[bool]


@dataclass(frozen=True, kw_only=True)
class Update(Transform):
    """Columns of rows that the target has, set to what ``rows`` says where the two differ.

    :ivar key: the columns that find the row; the other columns of ``rows`` are set.
    :ivar silent: columns that are set as well, and whose difference alone changes nothing.
    """

    key: tuple[str, ...]
    silent: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Check:
    """A quality check: a SELECT that returns the rows that violate it, and none when all is well.

    :ivar rows: returns the SELECT. Given what stands for a load id it may read the rows of that load alone;
        given None it reads everything. Called once for all loads and checks of a process, as :data:`Rows`.
    :ivar during_load: whether it also runs inside each load, before the commit.
    :ivar implied_by: checks that leave it nothing to find where none of them finds anything; of a whole
        warehouse it is then not asked for.
    :ivar is_dated: whether the SELECT of a whole warehouse depends on when it is made: it is made each time.
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

    :ivar name: of the pipeline, in messages and in the names and tags of what is made for it.
    :ivar transforms: in the order in which they run.
    :ivar checked: SELECTs that the checks of a load share, by the tables that stand for them there: a large
        table is read once for all of them. A later one may name an earlier one.
    :ivar checksums: the tables whose rows the ledger sums up; those of the ledger itself are beside them.
    :ivar numbers: columns beside ``load_id`` whose values depend on the order of loads.
    :ivar tables: what the transforms fill, the fact first; a full refresh empties them.
    :ivar views: what the database has beside the tables, for whoever reads it; no load writes or reads them.
    :ivar migrations: the folder with the migrations of Alembic; None where there is none.
    :ivar create_from_models: whether a load may make the tables of a new embedded database from the models,
        which is faster than to run the migrations. Only for migrations that make nothing but the tables of the
        models, the views and the row of the lock: no other view, and no other row.
    :ivar questions: the module whose ``QUESTIONS`` are the questions that can be asked by name.
    :ivar report: the module whose ``build`` writes the page of the report.
    :ivar summary: says in a few words what the warehouse holds, given the rows of each table.
    :ivar rules_version: raised when a transform makes other rows of the same files, so that rows made by
        older rules are reported.
    :ivar undated: of what :meth:`as_of` has made this; None where it has not. All but the sources is the same.
    :param compare_columns: False: the columns of the transforms are not compared with those of their targets,
        which takes 0.05 s at each import, because a test does it with ``dataclasses.replace(PIPELINE)``.
    :raises ConfigurationError: when its names do not fit together, such as when a transform reads no source of
        it, or fills none of ``tables``; and when a table names a schema.
    :raises ValueError: when a transform does not name the columns of its target: a column of the target that
        its SELECT lacks would be NULL in silence. And when the bounds of an :class:`Insert` are not among the
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
        """The source of that name.

        :raises KeyError: when there is none.
        """
        return {source.name: source for source in self.sources}[name]

    def as_of(self, moment: datetime) -> Pipeline:
        """The same with the rules that its sources have for a load of this moment (UTC)."""
        sources = tuple(source.as_of(moment) for source in self.sources)
        return replace(self, sources=sources, undated=self.undated or self, compare_columns=False)

    @property
    def metadata(self) -> MetaData:
        """The metadata of its tables: what migrations are compared with."""
        return self.ledger.history.metadata


def _check(pipeline: Pipeline) -> None:
    """See that a pipeline has what its transforms and checksums name."""
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
    """What is wrong with the columns that the SELECT of a transform has."""
    given = transform.rows(literal(0, BigInteger)).selected_columns.keys()
    needed = (*transform.key, *transform.silent) if isinstance(transform, Update) else None
    return column_problems(given, transform.target, needed, where=f"transform {transform.title!r}")
