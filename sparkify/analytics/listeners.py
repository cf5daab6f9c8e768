"""How listeners behave: who plays most, their sessions, and whether they come back."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Date,
    Double,
    Integer,
    Select,
    cast,
    func,
    literal_column,
    select,
)

from sparkify.analytics.expressions import EPOCH, ratio, truncated
from sparkify.analytics.periods import Moment, local_plays, on_clocks, within
from sparkify.etl.constructs import elapsed_ms, equal
from sparkify.models import SongMatch, SongPlay, User
from sparkify.models.level import highest_level

__all__ = ["retention", "sessions", "top_users"]

_MS_PER_MINUTE = 60_000.0
_MS_PER_WEEK = 604_800_000.0


def top_users(
    *, limit: int = 10, since: Moment = None, until: Moment = None
) -> Select[int, str | None, str | None, str | None, int, int, float]:
    """The users who play most: user_id, first_name, last_name, level, plays, sessions, and their share of all
    plays.

    ``level`` is the user's at the newest of all plays, not that of the period. Two users may have one name.

    Order: plays, most first; then user_id.

    :param limit: how many users.
    :raises ConfigurationError: when the period is empty.
    """
    session = (
        select(SongPlay.user_id, SongPlay.session_id, func.count().label("plays"))
        .where(*within(SongPlay.start_time, since, until))
        .group_by(SongPlay.user_id, SongPlay.session_id)
        .cte("session")
    )
    counted = (
        select(
            session.c.user_id,
            cast(func.sum(session.c.plays), BigInteger).label("plays"),
            func.count().label("sessions"),
        )
        .group_by(session.c.user_id)
        .cte("counted")
    )
    # The share is of the plays of all users, so it is computed before the limit.
    shared = select(counted, ratio(counted.c.plays, func.sum(counted.c.plays).over()).label("share")).cte(
        "shared"
    )
    return (
        select(
            shared.c.user_id,
            User.first_name,
            User.last_name,
            User.level,
            shared.c.plays,
            shared.c.sessions,
            shared.c.share,
        )
        .join_from(shared, User, User.user_id == shared.c.user_id)
        .order_by(shared.c.plays.desc(), shared.c.user_id)
        .limit(limit)
    )


def sessions(
    *, since: Moment = None, until: Moment = None
) -> Select[str | None, int, int, float, float, int, float, float]:
    """How long listeners stay, by level: level, sessions, plays, plays_per_session, median_plays, most_plays,
    minutes_per_session, median_minutes.

    A session is of one user: of two users with sessions of one number each has one. It counts where it has a
    play, and as ``paid`` if any of its plays was, else by the last of its levels in the order of the alphabet;
    ``level`` is NULL where none of its plays has one. Its minutes are from the beginning of its first play to
    the end of its last. Of a session that reaches over the edge of the period only the plays inside count.

    Order: sessions, most first.

    :raises ConfigurationError: when the period is empty.
    """
    lasted = func.coalesce(SongMatch.duration, 0.0) * 1000.0
    ended = func.max(elapsed_ms(EPOCH, SongPlay.start_time) + lasted)
    began = elapsed_ms(EPOCH, func.min(SongPlay.start_time))
    level = func.nullif(highest_level(SongPlay.level), "")
    session = (
        select(
            SongPlay.user_id,
            SongPlay.session_id,
            level.label("level"),
            func.count().label("plays"),
            ((ended - began) / _MS_PER_MINUTE).label("minutes"),
        )
        .join(SongPlay.song_match)
        .where(*within(SongPlay.start_time, since, until))
        .group_by(SongPlay.user_id, SongPlay.session_id)
        .cte("session")
    )
    number = func.count()
    means = (
        select(
            session.c.level,
            number.label("sessions"),
            cast(func.sum(session.c.plays), BigInteger).label("plays"),
            func.avg(cast(session.c.plays, Double)).label("plays_per_session"),
            func.max(session.c.plays).label("most_plays"),
            func.avg(session.c.minutes).label("minutes_per_session"),
        )
        .group_by(session.c.level)
        .cte("means")
    )
    plays = _medians(session, session.c.plays, "median_plays")
    minutes = _medians(session, session.c.minutes, "median_minutes")
    return (
        select(
            means.c.level,
            means.c.sessions,
            means.c.plays,
            means.c.plays_per_session,
            plays.c.median_plays,
            means.c.most_plays,
            means.c.minutes_per_session,
            minutes.c.median_minutes,
        )
        .join_from(means, plays, equal(plays.c.level, means.c.level))
        .join(minutes, equal(minutes.c.level, means.c.level))
        .order_by(means.c.sessions.desc(), means.c.level.asc().nulls_last())
    )


def retention(
    *, since: Moment = None, until: Moment = None, tz: str = "UTC"
) -> Select[date, int, int, int, float]:
    """Whether new listeners come back, by the week of their registration: cohort, week, listeners, size, share.

    ``cohort`` is the Monday of the week, in the zone ``tz``, in which users registered
    (``users.registered_at``); its ``size`` is how many of them have played by the end of the period. ``week``
    counts the weeks since, from 0; ``listeners`` are those of the cohort who played in that week, and ``share``
    = listeners / size. A week in which nobody of a cohort played has no row.

    Cohorts are of users who registered in the period, and not before the day (UTC) of the first play of all.
    Their first play that is loaded does not say who is new; and of those who registered earlier only those are
    known who stayed. Users whose registration is not known are in none.

    Order: cohort, week.

    :raises ConfigurationError: when the period is empty, or the zone is not known.
    """
    within(SongPlay.start_time, since, until)
    play = local_plays(tz, None, until, SongPlay.user_id, SongPlay.start_time)
    monday = truncated("week", play.c.moment)
    active = (
        select(play.c.user_id, monday.label("monday"), func.min(play.c.start_time).label("began"))
        .group_by(play.c.user_id, monday)
        .cte("active")
    )
    loaded = select(truncated("day", func.min(active.c.began)).label("since")).cte("loaded")
    new = (
        select(User.user_id, truncated("week", on_clocks(tz, User.registered_at)).label("monday"))
        .join_from(User, loaded, User.registered_at >= loaded.c.since)
        .where(*within(User.registered_at, since, until))
        .cte("new_user")
    )
    # By user and week, so that the size of a cohort needs no second scan of the plays.
    came = (
        select(
            active.c.user_id,
            new.c.monday.label("cohort"),
            cast(func.round(elapsed_ms(new.c.monday, active.c.monday) / _MS_PER_WEEK), Integer).label("week"),
        )
        .join_from(active, new, new.c.user_id == active.c.user_id)
        .cte("came")
    )
    counted = (
        select(came.c.cohort, came.c.week, func.count().label("listeners"))
        .where(came.c.week >= 0)
        .group_by(came.c.cohort, came.c.week)
        .cte("counted")
    )
    sizes = (
        select(came.c.cohort, func.count(came.c.user_id.distinct()).label("size"))
        .group_by(came.c.cohort)
        .cte("sizes")
    )
    cohort = cast(counted.c.cohort, Date).label("cohort")
    share = ratio(counted.c.listeners, sizes.c.size).label("share")
    return (
        select(cohort, counted.c.week, counted.c.listeners, sizes.c.size, share)
        .join_from(counted, sizes, sizes.c.cohort == counted.c.cohort)
        .order_by(counted.c.cohort, counted.c.week)
    )


# -- parts -------------------------------------------------------------------------------------------------


def _medians(session: CTE, value: ColumnElement[Any], name: str) -> CTE:
    """The median by level: the middle value, or the mean of the two in the middle."""
    # Redshift allows only one WITHIN GROUP order in a SELECT, so each median has its own SELECT.
    median = func.percentile_cont(literal_column("0.5")).within_group(cast(value, Double))
    return select(session.c.level, median.label(name)).group_by(session.c.level).cte(name)
