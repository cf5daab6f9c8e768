"""The songs: all that may be played, which of them the catalogue has, and how it spells them.

Songs are numbered by popularity; 0 is the most played. The song of a number is computed on demand, so a
universe of a million songs costs nothing until they are played. The remainders below decide which songs have
which faults of the real data.
"""

from __future__ import annotations

import json
from array import array
from bisect import bisect
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from sparkify.generate import names
from sparkify.generate.chance import quantile, scramble, share

_ARTIST, _TITLE, _DURATION, _FACTS, _HOME, _HEAD, _TAIL, _ID, _ORDER = range(1, 10)

# One song in 50 is credited to the artist of the previous song "feat." another ...
_FEATURED = 13
# ... one repeats title and artist of the previous song, with another duration ...
_REISSUED = 27
# ... one is spelt in the logs with other case or punctuation ...
_RESPELT = 33
# ... and two have another duration in the logs than in the catalogue (4 % of the matches in the real ones).
_LENGTH_DIFFERS = (16, 41)
# One song in 151 has a title without Latin letters.
_FOREIGN = 17
# In the catalogue whatever is drawn, so that even a small one has each of these.
_ALWAYS = (1, _FEATURED - 1, _FEATURED, _REISSUED - 1, _REISSUED, _FOREIGN, _RESPELT, _LENGTH_DIFFERS[1], 0)

# Bytes: what an undeclared VARCHAR holds. The long names of the catalogue are a little longer.
_LONG = 256

# Seconds, at each twentieth of the songs, as in the real logs except for their longest, of 43 minutes.
_DURATIONS = (
    15.9, 138, 163, 177, 188, 197, 205, 213, 220, 226, 233, 240, 248, 256, 264, 274, 286, 305, 339, 397, 760,
)  # fmt: skip


class Song(NamedTuple):
    """One song as the catalogue has it, and as the logs have it (``played_...``). Durations in seconds."""

    number: int
    title: str
    artist: int
    artist_name: str
    duration: float
    played_title: str
    played_duration: float


class Universe:
    """Every song that may be played: about eight per artist, the popular ones far more often than the rest."""

    def __init__(self, *, seed: int, songs: int, events: int) -> None:
        self.seed = seed
        self.catalogued = songs
        # Ten songs per event, as the real logs suggest (78 % of their plays are of a song played once), up to
        # a number that is quick to draw from; and always twice what the catalogue has.
        self.size = max(2 * songs, min(10 * events, 250_000), 100)
        self.artists = max(self.size // 8, 40)

    @cached_property
    def popularity(self) -> array[float]:
        """Cumulative weights by song number: Zipf's law with a blunt top, on a floor that all songs share."""
        floor = 5 / self.size
        return array("d", accumulate(1 / (number + 14) + floor for number in range(self.size)))

    def song(self, number: int) -> Song:
        """The song with this number. Numbers from ``size`` on are never played; their names are very long."""
        kind = number % 50
        bits = scramble(self.seed, _TITLE, number)
        artist = self._artist_of(number)
        artist_name = names.artist(artist)
        if number >= self.size:
            if number % 2:
                return self._unplayed(number, names.plain_title(bits), artist, self._crowd(number, artist))
            return self._unplayed(number, self._medley(number), artist, artist_name)
        title = names.title(bits)
        if kind == _FEATURED:
            artist = self._artist_of(number - 1)
            guest = names.artist((artist + 1 + bits % (self.artists - 1)) % self.artists)
            artist_name = f"{names.artist(artist)} feat. {guest}"
        elif kind == _REISSUED:
            first = self.song(number - 1)
            title, artist, artist_name = first.title, first.artist, first.artist_name
        elif kind == _RESPELT:
            title = names.plain_title(bits)
        elif number % 151 == _FOREIGN:
            title = names.foreign_title(bits)
        duration = self.duration(number)
        return Song(
            number=number,
            title=title,
            artist=artist,
            artist_name=artist_name,
            duration=round(duration + 1.5, 5) if kind in _LENGTH_DIFFERS else duration,
            played_title=names.respelt(title, bits) if kind == _RESPELT else title,
            played_duration=duration,
        )

    def duration(self, number: int) -> float:
        """The duration of this song in the logs, in seconds, to five decimal places."""
        return round(quantile(_DURATIONS, share(scramble(self.seed, _DURATION, number))), 5)

    def catalogue(self) -> list[int]:
        """The numbers of the songs in the catalogue, in an order unrelated to popularity.

        Three quarters are drawn from the popular songs, the rest from all; a few have names longer than 256
        bytes.
        """
        wanted = self.catalogued
        long = 0 if wanted < 20 else max(2, wanted // 250)
        chosen = set(_ALWAYS[:wanted]) | set(range(self.size, self.size + long))
        by_chance = sorted(range(wanted), key=lambda number: scramble(self.seed, _HEAD, number))
        for number in by_chance[: (wanted - len(chosen)) * 3 // 4]:
            chosen.add(number)
        attempt = 0
        while len(chosen) < wanted:
            chosen.add(scramble(self.seed, _TAIL, attempt) % self.size)
            attempt += 1
        return sorted(chosen, key=lambda number: scramble(self.seed, _ORDER, number))

    def metadata(self, number: int) -> str:
        """The song as the catalogue's file has it: one JSON object on one line, without a newline."""
        song = self.song(number)
        bits, year = divmod(scramble(self.seed, _FACTS, number), 55)
        home = scramble(self.seed, _HOME, song.artist)
        home, place = divmod(home, len(names.HOMES))
        home, unlocated = divmod(home, 100)
        location, latitude, longitude = names.HOMES[place]
        return json.dumps(
            {
                "num_songs": 1,
                "artist_id": self._key("AR", _ARTIST, song.artist, "1187"),
                "artist_latitude": None if unlocated < 56 else latitude,
                "artist_longitude": None if unlocated < 56 else longitude,
                "artist_location": "" if home % 5 < 2 else location,
                "artist_name": song.artist_name,
                "song_id": self._key("SO", _ID, number, "12A8"),
                "title": song.title,
                "duration": song.duration,
                "year": 0 if bits % 5 < 3 else 1956 + year,
            }
        )

    def track(self, row: int) -> tuple[str, str]:
        """Folder (``A/B/C``) and name (``TRABC...``) of the file for a catalogue row: twenty per folder."""
        folders = min(26**3, -(-self.catalogued // 20))
        leaf, within = divmod(row, -(-self.catalogued // folders))
        letters = chr(65 + leaf // 676) + chr(65 + leaf // 26 % 26) + chr(65 + leaf % 26)
        pair = chr(65 + within // 26 % 26) + chr(65 + within % 26)
        return "/".join(letters), f"TR{letters}{pair}128F{_spread(row, 16**7):07X}.json"

    def _artist_of(self, number: int) -> int:
        if number == 1:
            # The second most played song of the real logs is by an artist with an umlaut.
            return names.ACCENTED_ARTIST
        u = share(scramble(self.seed, _ARTIST, number))
        return int(self.artists * u * u)

    def _unplayed(self, number: int, title: str, artist: int, artist_name: str) -> Song:
        duration = self.duration(number)
        return Song(number, title, artist, artist_name, duration, title, duration)

    def _medley(self, number: int) -> str:
        bits = scramble(self.seed, _FACTS, number)
        text = "Medley: " + names.plain_title(bits)
        while len(text) <= _LONG:
            bits = scramble(bits, _TITLE, number)
            text += " / " + names.plain_title(bits)
        return text

    def _crowd(self, number: int, artist: int) -> str:
        bits = scramble(self.seed, _FACTS, number)
        text = f"{names.artist(artist)} feat. {names.artist(bits % self.artists)}"
        while len(text.encode()) <= _LONG:
            bits = scramble(bits, _ARTIST, number)
            text += ", " + names.artist(bits % self.artists)
        return text

    def _key(self, prefix: str, salt: int, number: int, middle: str) -> str:
        # The letters alone are unique below 26**5 = 11.9 million.
        letters, left = "", _spread(number, 26**5)
        for _ in range(5):
            left, letter = divmod(left, 26)
            letters += chr(65 + letter)
        return f"{prefix}{letters}{middle}{scramble(self.seed, salt, number) % 16**7:07X}"


class Jukebox:
    """Draws songs in proportion to their popularity; knows how many whole seconds each of them plays.

    :meth:`draw` is the reference; the simulation, which draws millions of times, has it inlined.
    """

    def __init__(self, universe: Universe) -> None:
        self.cumulative = universe.popularity
        self.total = self.cumulative[-1]
        # Where to search for a number of this section: one or two steps of a bisection instead of seventeen,
        # and never past the last song.
        self.sections = 1 << max(0, universe.size.bit_length() - 3)
        self.guide = array(
            "l",
            [
                bisect(self.cumulative, section / self.sections * self.total, 0, universe.size - 1)
                for section in range(self.sections + 1)
            ],
        )
        self.seconds = array("l", bytes(universe.size * array("l").itemsize))
        self._duration = universe.duration

    def draw(self, u: float) -> int:
        """The number of the song that ``u``, a number in [0, 1), falls on."""
        section = int(u * self.sections)
        return bisect(self.cumulative, u * self.total, self.guide[section], self.guide[section + 1])

    def play(self, song: int) -> int:
        """The whole seconds of the song, which replace the 0 that ``seconds`` has for it before."""
        self.seconds[song] = seconds = int(self._duration(song))
        return seconds


def _spread(number: int, size: int) -> int:
    """A number below ``size``, different for different numbers: 1 000 003 is coprime to 26 and to 16."""
    return number * 1_000_003 % size
