"""The data dictionary: every table, view and column of a pipeline, with the comments that the database has too.

It needs no connection.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import Column, Table
from sqlalchemy.types import TIMESTAMP

from sparkify.etl.declarations import Pipeline, json_fields
from sparkify.etl.errors import ConfigurationError
from sparkify.etl.suggestions import did_you_mean
from sparkify.redshift import RedshiftDialect
from sparkify.redshift.attributes import TableAttributes

__all__ = ["ColumnEntry", "TableEntry", "dictionary", "markdown", "mermaid"]

_STAR = "The star"
_VIEWS = "Views, for whoever reads the star"
_STAGING = "Staging, empty between loads"
_LEDGER = "The ledger"
_PREFACE = (
    "Types are the same on Amazon Redshift and DuckDB, save that DuckDB keeps no lengths. Times are UTC, "
    "without zone. Keys are declared to Redshift for its planner and enforced by neither database: the loader "
    "and the checks hold them."
)
_VIEW = (
    "A view: nothing is stored. On Redshift it binds no table (`WITH NO SCHEMA BINDING`), and its columns have "
    "no comments in the database."
)
_UNITS = (
    (r"^seconds\b|in seconds\b", "s"),
    (r"^degrees\b", "degrees"),
    (r"in milliseconds since\b", "ms since 1970, UTC"),
)


@dataclass(frozen=True)
class ColumnEntry:
    """One column.

    :ivar type: the declared type. DuckDB keeps no lengths.
    :ivar unit: the unit of its values; None if they have none, or only the description says it.
    :ivar key: whether it is part of the primary key.
    :ivar references: the ``table.column`` that it references.
    :ivar json_key: for staging tables, the key of the source's JSON that fills it.
    """

    name: str
    type: str
    nullable: bool
    unit: str | None
    key: bool
    references: str | None
    encode: str | None
    json_key: str | None
    description: str


@dataclass(frozen=True)
class TableEntry:
    """One table or view.

    :ivar section: what it belongs to: the star, its views, staging, or the ledger.
    :ivar grain: what one row is.
    :ivar notes: the rest of its comment.
    :ivar sortkey_auto: whether the model explicitly leaves the sort key to Redshift.
    :ivar encode_auto: the same for the encodings.
    """

    name: str
    section: str
    grain: str
    notes: str
    diststyle: str | None
    distkey: str | None
    sortkey: tuple[str, ...]
    columns: tuple[ColumnEntry, ...]
    is_view: bool = False
    sortkey_auto: bool = False
    encode_auto: bool = False


def dictionary(pipeline: Pipeline, names: Iterable[str] = ()) -> tuple[TableEntry, ...]:
    """Every table and view of a pipeline, or only the named ones, with their columns; the fact comes first.

    :raises ConfigurationError: when there is no table with a given name.
    """
    entries = {entry.name: entry for entry in _entries(pipeline)}
    selected = tuple(names) or tuple(entries)
    for name in selected:
        if name not in entries:
            hint = did_you_mean(name, entries) or f"There are {', '.join(entries)}."
            raise ConfigurationError(f"{name!r} is not a table", hint=hint)
    return tuple(entries[name] for name in entries if name in selected)


def mermaid(tables: Iterable[TableEntry]) -> str:
    """An entity-relationship diagram of these tables in Mermaid: their columns, keys and references."""
    drawn = {table.name: table for table in tables}
    lines = ["erDiagram"]
    for table in drawn.values():
        for column in table.columns:
            target = (column.references or "").partition(".")[0]
            if target in drawn:
                lines.append(f'    {target} ||--o{{ {table.name} : "{column.name}"')
    for table in drawn.values():
        lines.append(f"    {table.name} {{")
        for column in table.columns:
            keys = [mark for mark, holds in (("PK", column.key), ("FK", column.references)) if holds]
            kind = re.sub(r"\W+", "_", column.type).strip("_").lower()
            lines.append(f"        {kind} {column.name} {', '.join(keys)}".rstrip())
        lines.append("    }")
    return "\n".join(lines)


def markdown(tables: Iterable[TableEntry]) -> str:
    """The data dictionary as a Markdown page, with a diagram of the star."""
    entries = tuple(tables)
    star = [entry for entry in entries if entry.section == _STAR]
    lines = [
        "# Data dictionary",
        "",
        "Written by `sparkify-etl schema` from the models; not by hand.",
        "",
        _PREFACE,
    ]
    if star:
        lines += ["", "```mermaid", mermaid(star), "```"]
    section = None
    for entry in entries:
        if entry.section != section:
            section = entry.section
            lines += ["", f"## {section}"]
        lines += ["", *_table_lines(entry)]
    return "\n".join(lines)


def _table_lines(entry: TableEntry) -> Iterator[str]:
    yield f"### {entry.name}"
    yield ""
    yield f"One row: {entry.grain}"
    if entry.notes:
        yield ""
        yield entry.notes
    yield ""
    yield _VIEW if entry.is_view else f"On Redshift: {_distribution(entry)}."
    yield ""
    staging = entry.section == _STAGING
    heads = [
        "column",
        "type",
        "null",
        "key",
        "unit",
        *(["JSON key"] if staging else []),
        "encoding",
        "what it is",
    ]
    yield f"| {' | '.join(heads)} |"
    yield f"|{' --- |' * len(heads)}"
    for column in entry.columns:
        cells = [
            f"`{column.name}`",
            column.type,
            "yes" if column.nullable else "",
            ", ".join(_keys(column)),
            column.unit or "",
            *([f"`{column.json_key}`" if column.json_key else ""] if staging else []),
            column.encode or "",
            column.description.replace("|", "\\|"),
        ]
        yield f"| {' | '.join(cells)} |"


def _keys(column: ColumnEntry) -> Iterator[str]:
    if column.key:
        yield "primary"
    if column.references:
        yield f"→ `{column.references}`"


def _distribution(entry: TableEntry) -> str:
    style = f"distributed by `{entry.distkey}`" if entry.distkey else _STYLES[entry.diststyle or "AUTO"]
    order = f", sorted by {', '.join(f'`{name}`' for name in entry.sortkey)}" if entry.sortkey else ""
    auto = [what for what, said in (("sorted", entry.sortkey_auto), ("encoded", entry.encode_auto)) if said]
    return style + order + (f", {' and '.join(auto)} as Redshift chooses" if auto else "")


_STYLES = {
    "ALL": "a copy on every node",
    "EVEN": "distributed evenly",
    "AUTO": "distributed as Redshift chooses",
}


# -- reading the models ------------------------------------------------------------------------------------


def _entries(pipeline: Pipeline) -> Iterator[TableEntry]:
    sections = (
        (_STAR, pipeline.tables),
        (_VIEWS, tuple(view.table for view in pipeline.views)),
        (_STAGING, tuple(source.staging for source in pipeline.sources)),
        (_LEDGER, pipeline.ledger.tables),
    )
    for section, tables in sections:
        for table in tables:
            yield _entry(section, table)


def _entry(section: str, table: Table) -> TableEntry:
    placed = TableAttributes.of(table)
    grain, notes = _grain_and_notes(table.comment or "")
    staged = section == _STAGING
    json_keys = {column.name: field.key for column, field in json_fields(table).items()} if staged else {}
    return TableEntry(
        name=table.name,
        section=section,
        grain=grain,
        notes=notes,
        diststyle=placed.diststyle,
        distkey=placed.distkey,
        sortkey=placed.sortkey,
        columns=tuple(_column(column, json_keys.get(column.name)) for column in table.columns),
        is_view=section == _VIEWS,
        sortkey_auto=placed.sortkey_auto,
        encode_auto=placed.encode_auto,
    )


def _grain_and_notes(comment: str) -> tuple[str, str]:
    """The first sentence of a table's comment, which says what one row is, and the rest."""
    grain, _, notes = _plain(comment).removeprefix("Grain: ").partition(". ")
    return (f"{grain.rstrip('.')}." if grain else "", notes)


def _column(column: Column[object], json_key: str | None) -> ColumnEntry:
    options = column.dialect_options["redshift"]
    description = _plain(column.comment or "")
    return ColumnEntry(
        name=column.name,
        type=column.type.compile(dialect=RedshiftDialect()).removesuffix(" WITHOUT TIME ZONE"),
        nullable=bool(column.nullable),
        unit=_unit(column, description),
        # The ORM needs a key to map a staging table, but the table itself has none.
        key=column.primary_key and json_key is None,
        references=next((key.target_fullname for key in sorted(column.foreign_keys, key=str)), None),
        encode=options["encode"],
        json_key=json_key,
        description=description,
    )


def _unit(column: Column[object], description: str) -> str | None:
    if isinstance(column.type, TIMESTAMP):
        return "UTC"
    if column.name == "bytes":
        return "bytes"
    return next((unit for pattern, unit in _UNITS if re.search(pattern, description, re.IGNORECASE)), None)


def _plain(comment: str) -> str:
    """A comment as one line of Markdown. Its code may be in the double backticks of reStructuredText."""
    return " ".join(comment.replace("``", "`").split())
