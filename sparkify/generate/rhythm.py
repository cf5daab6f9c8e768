"""When sessions start: the daily wave, and the quiet weekend."""

from bisect import bisect
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from random import Random

DAY = 86_400
# The milliseconds of every timestamp; the real logs have no other.
MILLISECONDS = 796

# Starts by hour, UTC. Paid sessions last for hours, so plays peak later than starts, at 16:00.
_HOURS = (22, 20, 17, 16, 18, 21, 24, 25, 28, 33, 38, 42, 50, 62, 76, 92, 84, 62, 54, 46, 40, 34, 26, 23)
# Monday first.
_WEEKDAYS = (1.0, 1.0, 1.08, 1.02, 1.05, 0.53, 0.42)


class Rhythm:
    """The days of a simulation. Its times are whole seconds since 00:00 UTC of the first day."""

    def __init__(self, start: date, days: int) -> None:
        self.start = start
        self.days = days
        self.end = days * DAY
        self._hours = list(accumulate(_HOURS))
        self._days = list(accumulate(_WEEKDAYS[(start.weekday() + day) % 7] for day in range(days)))

    def date_of(self, day: int) -> date:
        """The calendar date of the day with this number."""
        return self.start + timedelta(days=day)

    def milliseconds(self, day: int) -> int:
        """The epoch milliseconds, UTC, of the first timestamp that the day may have."""
        midnight = datetime.combine(self.date_of(day), time(), UTC)
        return (midnight - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1) + MILLISECONDS

    def draw(self, chance: Random) -> int:
        """A time to start a session."""
        return self.draw_on(bisect(self._days, chance.random() * self._days[-1]), chance)

    def draw_on(self, day: int, chance: Random) -> int:
        """A time to start a session on this day."""
        hour = bisect(self._hours, chance.random() * self._hours[-1])
        return day * DAY + hour * 3600 + int(chance.random() * 3600)
