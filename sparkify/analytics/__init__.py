"""The analysts' questions: each is a function that returns a SELECT for :meth:`Warehouse.query`.

::

    from datetime import datetime
    from sparkify import Warehouse
    from sparkify.analytics import top_songs

    with Warehouse() as warehouse:
        for row in warehouse.query(top_songs(limit=3, since=datetime(2018, 11, 5))):
            print(row.title, row.artist, row.plays)

The following holds for all of them:

* ``since`` is inclusive and ``until`` exclusive. Both are UTC; a value with a zone is converted, a date is its
  midnight, and None is no limit. So a month is ``since=date(2018, 11, 1), until=date(2018, 12, 1)``, and
  neighbouring periods neither overlap nor leave a gap.
* Times in results are UTC. Days, weeks, weekdays and hours are in the zone ``tz``, which is UTC by default.
* A column whose name ends in ``share``, ``rate``, ``growth`` or ``chance`` is a fraction: 0.05 is five
  percent.
* Plays are counted from the fact, and each is counted once. Plays are never joined by name.
* Rows come in the order stated, and ties are broken: the same data gives the same rows on every database.

Each runs unchanged on Amazon Redshift and on DuckDB.
"""

from __future__ import annotations

from sparkify.analytics.health import freshness, match_quality, unmatched
from sparkify.analytics.levels import level_changes
from sparkify.analytics.listeners import retention, sessions, top_users
from sparkify.analytics.listening import DIMENSIONS, Dimension, peak_hours, plays_by, totals
from sparkify.analytics.music import top_artists
from sparkify.analytics.periods import Moment
from sparkify.analytics.songs import top_songs, top_songs_by_day
from sparkify.analytics.trends import trending_artists
from sparkify.etl.questions import Question

__all__ = [
    "DIMENSIONS",
    "QUESTIONS",
    "Dimension",
    "Moment",
    "Question",
    "freshness",
    "level_changes",
    "match_quality",
    "peak_hours",
    "plays_by",
    "retention",
    "sessions",
    "top_artists",
    "top_songs",
    "top_songs_by_day",
    "top_users",
    "totals",
    "trending_artists",
    "unmatched",
]


QUESTIONS: dict[str, Question] = {
    ask.__name__.replace("_", "-"): Question(ask.__name__.replace("_", "-"), ask, measure)
    for ask, measure in (
        (totals, "plays"),
        (top_songs, "plays"),
        (top_songs_by_day, "plays"),
        (top_artists, "plays"),
        (trending_artists, "plays"),
        (top_users, "plays"),
        (plays_by, "plays"),
        (peak_hours, "plays_per_hour"),
        (sessions, "sessions"),
        (level_changes, "users"),
        (retention, "share"),
        (match_quality, "plays"),
        (unmatched, "plays"),
        (freshness, "loaded"),
    )
}
"""Every question, by its name."""
