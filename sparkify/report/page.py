"""Renders the facts as a single HTML file.

The charts are our own HTML and small SVG instead of a charting library: they weigh a few kilobytes, follow the
reader's light or dark scheme, print, flow from 390 to 1600 pixels, are tables to a screen reader, and have the
same bytes for the same data. A prerendered Vega chart has one size, one scheme, and text converted to outlines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparkify.analytics.periods import local
from sparkify.etl.errors import ConfigurationError
from sparkify.models import Match
from sparkify.report import charts, headlines, tables, wording
from sparkify.report.asking import collect
from sparkify.report.downloads import csv_link
from sparkify.report.facts import Facts
from sparkify.report.figures import figures

if TYPE_CHECKING:
    from sparkify.warehouse.facade import Warehouse

__all__ = ["build", "render"]

_DEEP = 64
"""Above this shade, in percent, page.css uses the other text colour."""

_TIERS = {match.value: match.label for match in Match}
_SECTIONS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "totals": ("Numbers", "", ("totals", "totals, last days", "totals, days before")),
    "hours": ("When", "When", ("peak-hours", "plays-by hour", "plays-by day")),
    "songs": ("Songs", "Most played songs", ("top-songs", "top-songs-by-day")),
    "artists": ("Artists", "Most played artists", ("top-artists",)),
    "trend": ("Rising", "Artists on the rise", ("trending-artists",)),
    "users": ("Listeners", "Most active listeners", ("top-users",)),
    "people": (
        "Who listens",
        "Who listens, and on what",
        (
            "plays-by level",
            "plays-by gender",
            "sessions",
            "plays-by platform",
            "plays-by browser",
            "plays-by location",
        ),
    ),
    "changes": ("Free and paid", "Free and paid", ("level-changes",)),
    "returning": ("Returning", "Returning listeners", ("retention",)),
    "health": ("Data quality", "Data quality", ("freshness", "match-quality", "unmatched")),
}
"""By section: its name in the contents, the line above its headline, and the questions it answers."""


def build(warehouse: Warehouse, **options: Any) -> str:
    """The page as HTML. The same data gives the same bytes, since all its times come from the data.

    :param options: those of :func:`collect`: ``since``, ``until``, ``days``, ``tz``, ``checks``.
    :raises ConfigurationError: as :func:`collect` does, and without the extra ``report``.
    """
    # Before the questions, which would be asked in vain without jinja2.
    template = _template()
    return _rendered(template, collect(warehouse, **options))


def render(facts: Facts) -> str:
    """The page for these facts, as HTML.

    :raises ConfigurationError: without the extra ``report``.
    """
    return _rendered(_template(), facts)


def _rendered(template: Any, facts: Facts) -> str:
    folder = Path(__file__).parent
    page: str = template.render(
        style=(folder / "page.css").read_text(encoding="utf-8"),
        facts=facts,
        headlines=headlines,
        wording=wording,
        period=facts.period,
        labels={"level": tables.LEVELS, "gender": tables.GENDERS, "tier": _TIERS},
        deep=_DEEP,
        figures=figures(facts),
        columns=charts.columns(facts),
        clock=charts.clock(facts),
        week=charts.week(facts),
        songs=tables.songs(facts),
        users=tables.users(facts),
        trending=tables.trending(facts),
        groups=tables.groups(facts),
        cohorts=tables.cohorts(facts),
        sections=_SECTIONS,
        questions={section: _answers(facts, names) for section, (_, _, names) in _SECTIONS.items()},
        newest=local(facts.totals["last_play"], facts.period.tz),
    )
    return page


def _answers(facts: Facts, names: Sequence[str]) -> list[dict[str, Any]]:
    """For each question that was asked: the command, the SQL, and the rows as CSV."""
    return [
        {
            "command": facts.commands[name],
            "sql": facts.sql[name],
            "csv": csv_link(facts.rows.get(name, ())),
            "file": f"{name.replace(',', '').replace(' ', '-')}.csv",
        }
        for name in names
        if name in facts.sql
    ]


def _template() -> Any:
    try:
        import jinja2
    except ImportError as exc:
        raise ConfigurationError("this needs jinja2", hint="Run: pip install jinja2 tzdata") from exc
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template("page.html.j2")
