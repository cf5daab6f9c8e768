"""A plan as text: what a dry run prints. Reads nothing and writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, literal_column

from sparkify.etl.adapters.base import Adapter
from sparkify.etl.declarations import Pipeline
from sparkify.etl.plan import Record, Run, Selection, Stage, Step, Unstage, Verify, build, choose
from sparkify.etl.runner import LoadRequest
from sparkify.etl.sources import Listing, SourceFile

__all__ = ["ExplainedStep", "explain"]


@dataclass(frozen=True)
class ExplainedStep:
    """One step of a load.

    :ivar statements: its SQL, in the order in which it would be sent. ``:name`` stands for a value that is
        known only when the load runs.
    """

    title: str
    statements: tuple[str, ...]


def explain(
    adapter: Adapter,
    pipeline: Pipeline,
    request: LoadRequest,
    *,
    listings: Mapping[str, Listing] | None,
    known: Mapping[str, str],
) -> list[ExplainedStep]:
    """The steps of a load, from BEGIN to COMMIT; none when there is nothing new.

    :param listings: what each source has; None where nobody looked, and the plan is of whatever is there.
    :param known: the files that were loaded before, with their fingerprints.
    """
    if listings is None:
        selection = _everything(request)
    else:
        selection = choose(
            listings,
            known,
            full_refresh=request.full_refresh,
            reload_changed=request.reload_changed,
            allow_missing=request.allow_missing,
        )
    if selection.nothing_new:
        return []
    # The number of a load is given out while the lock is held.
    load_id: ColumnElement[int] = literal_column(":load_id")
    plan = build(pipeline, selection, load_id)
    return [
        ExplainedStep("begin", ("BEGIN",)),
        ExplainedStep("take the lock", tuple(adapter.locking(pipeline.ledger))),
        *(_explained(step, adapter, request) for step in plan.steps),
        ExplainedStep("commit", ("COMMIT",)),
    ]


def _everything(request: LoadRequest) -> Selection:
    """A selection of whatever each source has."""
    return Selection(
        mode="full refresh" if request.full_refresh else "incremental",
        files={name: (SourceFile(uri, 0, ""),) for name, uri in request.uris.items()},
        known=dict.fromkeys(request.uris, 0),
    )


def _explained(step: Step, adapter: Adapter, request: LoadRequest) -> ExplainedStep:
    match step:
        case Stage():
            texts = adapter.staging(step.source, step.files, request.uris[step.source.name])
        case Run():
            texts = [adapter.render(step.statement)]
        case Verify():
            texts = [adapter.render(step.rows)]
        case Unstage():
            texts = adapter.unstaging(step.source)
        case Record():
            texts = [adapter.render_named(statement) for statement in step.statements]
        case _:
            raise TypeError(f"no text is known for {type(step).__name__}")
    return ExplainedStep(step.title, tuple(texts))
