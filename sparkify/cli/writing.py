"""Writes the rows of a result in the chosen format, to stdout or to a file that appears only when complete."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer

from sparkify.cli.streams import raw
from sparkify.etl.values import csv_line, json_text, markdown_text

if TYPE_CHECKING:
    from sparkify.databases import Database
    from sparkify.databases.rows import Rows

__all__ = ["AsCsv", "CsvSafe", "Format", "InFormat", "Output", "Target", "is_number", "target", "whole_file"]

Format = Literal["table", "json", "ndjson", "csv", "markdown", "parquet"]

InFormat = Annotated[
    Format | None,
    typer.Option("--format", help="How to write the rows; by default as FILE ends, else a table."),
]
Output = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write to FILE rather than stdout.")
]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print the result as CSV.")]
CsvSafe = Annotated[
    bool | None,
    typer.Option(
        "--csv-safe/--no-csv-safe",
        help="Write ' before a text of CSV that is a formula to a spreadsheet; by default on a terminal.",
    ),
]

_BY_SUFFIX: dict[str, Format] = {
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "ndjson",
    ".markdown": "markdown",
    ".md": "markdown",
    ".ndjson": "ndjson",
    ".parquet": "parquet",
    ".txt": "table",
}
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "U")

Table = Callable[["Rows", bool], Iterable[str]]
"""Makes the lines of a table. The second argument says whether they are for a terminal."""


@dataclass(frozen=True)
class Target:
    """Where rows go, and how.

    :ivar file: None: stdout.
    :ivar csv_safe: whether a CSV text that a spreadsheet would take for a formula is preceded by a ``'``.
    """

    format: Format
    file: Path | None
    csv_safe: bool = False

    def refuse_files_of(self, database: Database) -> None:
        """Refuse to overwrite a file of the database that the rows come from.

        :raises ConfigurationError: if the target is such a file.
        """
        if self.file is not None:
            database.refuse_as_output(self.file)

    def write(
        self,
        rows: Callable[[], AbstractContextManager[Rows]],
        *,
        table: Table,
        parquet: Callable[[Path], None],
        utc: bool = False,
    ) -> None:
        """Write the rows.

        :param rows: opens them.
        :param parquet: writes them to a Parquet file.
        :param utc: whether timestamps without a zone are known to be in UTC.
        """
        if self.format == "parquet":
            self._write_parquet(parquet)
            return
        with rows() as found, self._text() as write:
            for line in self._lines(found, table, utc=utc):
                write(f"{line}\n")

    def _lines(self, rows: Rows, table: Table, *, utc: bool) -> Iterable[str]:
        match self.format:
            case "json":
                return _json_lines(rows, utc=utc)
            case "ndjson":
                return (_json_object(rows.columns, row, utc=utc) for row in rows)
            case "csv":
                return _csv_lines(rows, utc=utc, safe=self.csv_safe)
            case "markdown":
                return _markdown_lines(rows, utc=utc)
            case _:
                return table(rows, self.file is None and sys.stdout.isatty())

    @contextmanager
    def _text(self) -> Iterator[Callable[[str], Any]]:
        if self.file is None:
            # A program gets the values as the database has them; a terminal gets them escaped.
            rows = self.format != "table" and not sys.stdout.isatty()
            yield (raw(sys.stdout) if rows else sys.stdout).write
            return
        with whole_file(self.file) as new, new.open("w", encoding="utf-8", newline="") as out:
            yield out.write

    def _write_parquet(self, parquet: Callable[[Path], None]) -> None:
        if self.file is not None:
            with whole_file(self.file) as new:
                parquet(new)
            return
        with tempfile.TemporaryDirectory(prefix="sparkify-") as folder:
            made = Path(folder) / "rows.parquet"
            parquet(made)
            sys.stdout.flush()
            with made.open("rb") as file:
                while some := file.read(1 << 20):
                    sys.stdout.buffer.write(some)
            sys.stdout.buffer.flush()


def target(
    form: Format | None,
    output: Path | None,
    *,
    as_json: bool = False,
    as_csv: bool = False,
    csv_safe: bool | None = None,
) -> Target:
    """Where rows go, and how, from the options of a command.

    :raises ConfigurationError: if the options contradict one another or do not determine a format, if the
        folder does not exist, and for Parquet on a terminal.
    """
    from sparkify.etl.errors import ConfigurationError

    given = [*([form] if form else []), *(["json"] if as_json else []), *(["csv"] if as_csv else [])]
    if len(set(given)) > 1:
        raise ConfigurationError("give one of --json and --csv, or --format")
    file = None if output is None or str(output) == "-" else output
    if file is not None and not file.absolute().parent.is_dir():
        raise ConfigurationError("there is no such folder", where=str(file.parent))
    by_suffix = "table" if file is None else _BY_SUFFIX.get(file.suffix.lower())
    found: Any = given[0] if given else by_suffix
    if found is None:
        formats = ", ".join(get_args(Format))
        raise ConfigurationError(
            f"its name does not say which format: it ends in none of {', '.join(_BY_SUFFIX)}",
            where=str(file),
            hint=f"Give --format {formats}.",
        )
    if found == "parquet" and file is None and sys.stdout.isatty():
        raise ConfigurationError("Parquet is not for a terminal", hint="Give -o FILE, or a pipe.")
    return Target(found, file, file is None and sys.stdout.isatty() if csv_safe is None else csv_safe)


@contextmanager
def whole_file(file: Path) -> Iterator[Path]:
    """A temporary path to write to, which replaces the file at the end of the block."""
    from sparkify.etl.disk import output_error
    from sparkify.etl.files import atomic_write

    try:
        with atomic_write(file) as new:
            yield new
    except OSError as exc:
        raise output_error(exc, file) from exc


def is_number(kind: str) -> bool:
    """Whether a type is numeric.

    >>> [is_number(kind) for kind in ("DECIMAL(10,2)", "UBIGINT", "VARCHAR", "UUID", "BIGINT[]")]
    [True, True, False, False, False]
    """
    return kind.startswith(_NUMBERS) and kind not in ("UUID", "UNION") and not kind.endswith("]")


# -- formats -----------------------------------------------------------------------------------------------


def _json_object(columns: tuple[str, ...], row: tuple[Any, ...], *, utc: bool) -> str:
    return json_text(dict(zip(columns, row, strict=True)), utc=utc)


def _json_lines(rows: Rows, *, utc: bool) -> Iterator[str]:
    """A JSON array, as ``json.dumps`` would write it with an indent of two."""
    names = [json_text(name) for name in rows.columns]
    before = None
    for row in rows:
        yield "[" if before is None else f"{before},"
        items = (f"    {name}: {json_text(value, utc=utc)}" for name, value in zip(names, row, strict=True))
        yield "  {"
        yield ",\n".join(items)
        before = "  }"
    yield from ("[]",) if before is None else (before, "]")


def _csv_lines(rows: Rows, *, utc: bool, safe: bool) -> Iterator[str]:
    yield csv_line(rows.columns, safe=safe)
    for row in rows:
        yield csv_line(row, utc=utc, safe=safe)


def _markdown_lines(rows: Rows, *, utc: bool) -> Iterator[str]:
    yield f"| {' | '.join(map(markdown_text, rows.columns))} |"
    yield f"| {' | '.join('---:' if is_number(kind) else '---' for kind in rows.types)} |"
    for row in rows:
        yield f"| {' | '.join(markdown_text(value, utc=utc) for value in row)} |"
