"""Write events as the lines of a log: the 18 keys in the order and the style of the real ones.

A line is put together from a few fragments. Those of a song and of a listener are made once; only the numbers
differ from line to line. ``json.dumps`` for each event would take ten times as long.
"""

import json
from collections.abc import Callable
from typing import NamedTuple

from sparkify.generate.catalogue import Universe
from sparkify.generate.chain import PAGES, Level
from sparkify.generate.listeners import Listener
from sparkify.generate.parts import LOGGED_OUT, Part

#: The keys of an event, in the order in which the logs have them.
KEYS = (
    "artist", "auth", "firstName", "gender", "itemInSession", "lastName", "length", "level", "location",
    "method", "page", "registration", "sessionId", "song", "status", "ts", "userAgent", "userId",
)  # fmt: skip

# Fragments are kept for this many listeners, about 1 kB each; beyond, memory matters more than time.
_REMEMBERED = 150_000


def literal(text: str) -> str:
    """The text as a JSON string in the style of the real logs: ASCII only, a slash written as ``\\/``."""
    return json.dumps(text).replace("/", "\\/")


def garbled(text: str) -> str:
    """The text as the logs have it: its UTF-8 read as Latin-1 and encoded again, twice.

    >>> garbled("é").encode("latin-1").decode().encode("latin-1").decode()
    'é'
    """
    if text.isascii():
        return text
    return text.encode().decode("latin-1").encode().decode("latin-1")


class _Said(NamedTuple):
    """The fragments of a line about its listener: the text between the values that vary."""

    to_item: str
    to_length: str
    to_method: str
    to_session: str
    to_end: str


_NOBODY = _Said(
    ',"auth":"Logged Out","firstName":null,"gender":null,"itemInSession":',
    ',"lastName":null,"length":',
    ',"location":null,"method":"',
    '","registration":null,"sessionId":',
    ',"userAgent":null,"userId":""}',
)


class Scribe:
    """Writes events as lines of JSON; keeps the fragments of songs and listeners."""

    def __init__(self, universe: Universe, listener: Callable[[int], Listener]) -> None:
        self._songs = _Songs(universe)
        self._listeners = _Listeners(listener)

    def write(self, part: Part, session_id: int, milliseconds: int) -> list[str]:
        """The lines of a part of a session; ``milliseconds``: the ts of the first second of its day."""
        songs = self._songs
        said = self._listeners[part.listener]
        to_item, to_length, to_method, to_session, to_end = said
        level = f',"level":"{part.level}"'
        to_title = f'{level}{to_method}PUT","page":"NextSong{to_session}{session_id},"song":'
        lines = []
        item = part.item
        for second, code in zip(part.seconds, part.codes, strict=True):
            ts = milliseconds + 1000 * second
            if code >= 0:
                artist, length, title = songs[code]
                lines.append(
                    f'{{"artist":{artist}{to_item}{item}{to_length}{length}{to_title}{title}'
                    f',"status":200,"ts":{ts}{to_end}'
                )
            else:
                lines.append(
                    _visit(code, said if code > LOGGED_OUT else _NOBODY, item, part.level, session_id, ts)
                )
            item += 1
        return lines


def _visit(code: int, said: _Said, item: int, level: Level, session_id: int, ts: int) -> str:
    """The line of an event that is not a song."""
    page = PAGES[-code]
    return (
        f'{{"artist":null{said.to_item}{item}{said.to_length}null,"level":"{level}"{said.to_method}'
        f'{page.method}","page":"{page.name}{said.to_session}{session_id},"song":null,"status":{page.status}'
        f',"ts":{ts}{said.to_end}'
    )


class _Songs(dict[int, tuple[str, str, str]]):
    """By number: artist, length and title as JSON."""

    def __init__(self, universe: Universe) -> None:
        super().__init__()
        self._song = universe.song

    def __missing__(self, number: int) -> tuple[str, str, str]:
        song = self._song(number)
        made = self[number] = (
            literal(garbled(song.artist_name)),
            repr(song.played_duration),
            literal(garbled(song.played_title)),
        )
        return made


class _Listeners(dict[int, _Said]):
    """By number: the fragments of a listener who is logged in."""

    def __init__(self, listener: Callable[[int], Listener]) -> None:
        super().__init__()
        self._listener = listener

    def __missing__(self, number: int) -> _Said:
        if len(self) >= _REMEMBERED:
            self.clear()
        profile = self._listener(number).profile()
        made = self[number] = _Said(
            f',"auth":"Logged In","firstName":{literal(profile.first)},"gender":"{profile.gender}"'
            ',"itemInSession":',
            f',"lastName":{literal(profile.last)},"length":',
            f',"location":{literal(profile.location)},"method":"',
            f'","registration":{profile.registration}.0,"sessionId":',
            f',"userAgent":{literal(profile.agent)},"userId":"{profile.user_id}"}}',
        )
        return made
