"""Plans a load as a list of steps. Pure: it works on values alone, and touches no file or database.

The runner carries out the steps, over a session that sends their statements or, in a dry run, records them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import ClauseElement, SelectBase, Table, delete

from sparkify.etl.checking import counting
from sparkify.etl.checksums import forget_all, sum_added, sum_removed
from sparkify.etl.constructs import CreateTemporaryTable
from sparkify.etl.declarations import Check, Merge, Pipeline, Replace, Source, Sync
from sparkify.etl.dispositions import Effect, changes
from sparkify.etl.errors import ChangedFiles
from sparkify.etl.listing import Listing, SourceFile
from sparkify.etl.results import Mode
from sparkify.etl.templates import LoadNumber, Template

__all__ = [
    "Count",
    "Plan",
    "Record",
    "Run",
    "Selection",
    "Stage",
    "Step",
    "Unstage",
    "Verify",
    "build",
    "choose",
]


_REPLACING = (Merge, Replace, Sync)

_VERBS: Mapping[Effect, str] = {
    "inserted": "insert",
    "updated": "update",
    "deleted": "delete",
    "replaced": "delete",
    "collected": "collect",
}


@dataclass(frozen=True)
class Step:
    """One thing to be done.

    :ivar title: what it is, for people.
    """

    title: str


@dataclass(frozen=True)
class Stage(Step):
    """Fill the staging table of a source with the lines of files."""

    source: Source
    files: tuple[SourceFile, ...]


@dataclass(frozen=True)
class Count(Step):
    """Count what was staged, for all sources at once."""

    sources: tuple[Source, ...]


@dataclass(frozen=True)
class Run(Step):
    """Send one statement, and count the rows that it touches as ``effect`` of ``table``."""

    statement: Template
    table: Table
    effect: Effect


@dataclass(frozen=True)
class Verify(Step):
    """Run checks: the SELECT of each must return no rows.

    :ivar shared: SELECTs that the SELECTs of the checks refer to as tables.
    :ivar counting: counts the rows of the checks and then those of the pipeline's tables, all at once.
    """

    checks: tuple[tuple[Check, SelectBase], ...]
    shared: Mapping[Table, SelectBase]
    counting: Template


@dataclass(frozen=True)
class Unstage(Step):
    """Empty the staging table of a source."""

    source: Source


@dataclass(frozen=True)
class Record(Step):
    """Write the load, its files and its rejects into the ledger."""


@dataclass(frozen=True)
class Plan:
    """A whole load, between BEGIN and COMMIT.

    :ivar collected: the temporary tables that it leaves, to be dropped once the lock is free again.
    """

    mode: Mode
    steps: tuple[Step, ...]
    collected: tuple[Table, ...]


@dataclass(frozen=True)
class Selection:
    """Which of the files found are to be loaded.

    :ivar files: by source, the files to load.
    :ivar known: by source, how many files were loaded before and are left out.
    """

    mode: Mode
    files: Mapping[str, tuple[SourceFile, ...]]
    known: Mapping[str, int]

    @property
    def nothing_new(self) -> bool:
        """Whether there is no file to load."""
        return not any(self.files.values())


def choose(
    listings: Mapping[str, Listing],
    known: Mapping[str, Mapping[str, str]],
    *,
    full_refresh: bool = False,
    reload_changed: bool = False,
    allow_missing: bool = False,
) -> Selection:
    """The files to load: the new ones, or all of them if the star is rebuilt.

    A changed file cannot be loaded on top of its old version, whose lines are already part of the star. With
    ``reload_changed`` the star is rebuilt instead.

    :param listings: what each source has now.
    :param known: the fingerprint that each file had when it was loaded, by source and uri; those of the listed
        files are enough unless the star is rebuilt.
    :raises ChangedFiles: when a loaded file is different now; or, if the star is to be rebuilt, when one
        is no longer there, so that its rows would be lost.
    """
    new: dict[str, tuple[SourceFile, ...]] = {}
    changed: list[str] = []
    for name, listing in listings.items():
        # With the files of several years, each day lists 100,000 of them: look at each only once.
        loaded = known.get(name, {})
        unlike = [file for file in listing.files if loaded.get(file.uri) != file.fingerprint]
        new[name] = tuple(file for file in unlike if file.uri not in loaded)
        changed += [file.uri for file in unlike if file.uri in loaded]
    if changed and not (full_refresh or reload_changed):
        raise ChangedFiles(
            changed,
            f"changed since {'it was' if len(changed) == 1 else 'they were'} loaded",
            hint="Restore what was loaded, or rebuild the star from all files with {option}.",
            option=("reload_changed", True),
        )
    if full_refresh or changed:
        found = {(name, file.uri) for name, listing in listings.items() for file in listing.files}
        gone = [uri for name, loaded in known.items() for uri in loaded if (name, uri) not in found]
        if gone and not allow_missing:
            are = "is" if len(gone) == 1 else "are"
            raise ChangedFiles(
                gone,
                f"loaded before and {are} not among the files to load, so a rebuilt star would lack those rows",
                hint="Name the folder that holds all files, or accept the loss with {option}.",
                option=("allow_missing", True),
            )
        return Selection(
            mode="full refresh",
            files={name: listing.files for name, listing in listings.items()},
            known=dict.fromkeys(listings, 0),
        )
    left_out = {name: len(listing.files) - len(new[name]) for name, listing in listings.items()}
    return Selection(mode="incremental", files=new, known=left_out)


def build(pipeline: Pipeline, selection: Selection) -> Plan:
    """The steps of a load, in order."""
    new = [source for source in pipeline.sources if selection.files.get(source.name)]
    names = tuple(source.name for source in new)
    statements = _statements(pipeline.undated or pipeline, selection.mode, names)
    steps: list[Step] = list(statements.before)
    steps += [
        Stage(f"read {source.name} into {source.staging.name}", source, selection.files[source.name])
        for source in new
    ]
    steps.append(Count("count what was read", tuple(new)))
    steps += statements.after
    steps += [Unstage(f"empty {source.staging.name}", source) for source in new]
    return Plan(mode=selection.mode, steps=tuple(steps), collected=statements.collected)


@dataclass(frozen=True)
class _Statements:
    """The steps of a load that do not depend on what is in its files.

    :ivar before: the steps before anything is read.
    :ivar collected: the temporary tables that the steps leave.
    """

    before: tuple[Step, ...]
    after: tuple[Step, ...]
    collected: tuple[Table, ...]


@lru_cache(maxsize=32)
def _statements(pipeline: Pipeline, mode: Mode, names: tuple[str, ...]) -> _Statements:
    """The steps of every load of a pipeline in this mode that has files from these sources."""
    ledger, load_id = pipeline.ledger, LoadNumber()
    before: list[Step] = []
    if mode == "full refresh":
        before += [_run(f"empty {table.name}", delete(table), table, "deleted") for table in pipeline.tables]
        before += [
            _run(f"forget {table.name}", delete(table), table, "deleted")
            for table in (ledger.files, ledger.rejects)
        ]
        before.append(_run(f"forget {ledger.checksums.name}", forget_all(ledger), ledger.checksums, "deleted"))
    after: list[Step] = []
    collected: list[Table] = []
    summed = tuple(one for one in pipeline.checksums if one.reads.intersection(names))
    # A full refresh has forgotten the sums of what it removes.
    removed = None if mode == "full refresh" else sum_removed(ledger, summed, load_id)
    replaced = {one.table for one in summed if one.removed is not None}
    for transform in pipeline.transforms:
        if transform.reads.intersection(names):
            if removed is not None and transform.target in replaced and isinstance(transform, _REPLACING):
                after.append(_run("sum up what gives way", removed, ledger.checksums, "inserted"))
                removed = None
            for change in changes(transform, load_id):
                title = f"{transform.title}: {_VERBS[change.effect]}"
                after.append(_run(title, change.statement, change.table, change.effect))
                if isinstance(change.statement, CreateTemporaryTable):
                    collected.append(change.table)
    after.append(Record("record the load"))
    added = sum_added(ledger, summed, load_id)
    after.append(_run("sum up what is new", added, ledger.checksums, "inserted"))
    # Before the staging tables are emptied: some checks ask which rows the batch has touched.
    checks = tuple((check, check.rows(load_id)) for check in pipeline.checks if check.during_load)
    if checks:
        shared = {table: rows(load_id) for table, rows in pipeline.checked.items()}
        count = Template(counting([*(rows for _, rows in checks), *pipeline.tables], shared))
        after.append(Verify("run the checks", checks, shared, count))
    return _Statements(tuple(before), tuple(after), tuple(collected))


def _run(title: str, statement: ClauseElement, table: Table, effect: Effect) -> Run:
    return Run(title, Template(statement), table, effect)
