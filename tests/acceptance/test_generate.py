"""The event simulator: what it writes behaves, and misbehaves, as the real logs and songs do."""

from __future__ import annotations

import doctest
import errno
import gzip
import hashlib
import json
import os
import re
import statistics
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import UTC, date, datetime
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import sparkify.generate
from sparkify.etl.workers import Workers
from sparkify.generate import Generated, chance, generate, lines, names, world, writing
from sparkify.generate.world import Plan, World
from tests.support.commands import run_here
from tests.support.paths import REAL

KEYS = [
    "artist", "auth", "firstName", "gender", "itemInSession", "lastName", "length", "level", "location",
    "method", "page", "registration", "sessionId", "song", "status", "ts", "userAgent", "userId",
]  # fmt: skip
DAY = 86_400_000
PERSONAL = ("firstName", "lastName", "gender", "location", "registration", "userAgent")

Event = dict[str, Any]


class Simulation:
    """A simulation read back from its files, with nothing of the package's own code."""

    def __init__(self, folder: Path, made: Generated | None = None) -> None:
        self.folder = folder
        self._made = made

    @property
    def made(self) -> Generated:
        assert self._made is not None
        return self._made

    @cached_property
    def logs(self) -> dict[Path, str]:
        return {path: path.read_text("utf-8") for path in sorted(self.folder.glob("log_data/*/*/*.json"))}

    @cached_property
    def events(self) -> list[Event]:
        return [json.loads(line) for text in self.logs.values() for line in text.split("\n")]

    @cached_property
    def plays(self) -> list[Event]:
        return [event for event in self.events if event["page"] == "NextSong"]

    @cached_property
    def sessions(self) -> dict[int, list[Event]]:
        sessions = defaultdict(list)
        for event in self.events:
            sessions[event["sessionId"]].append(event)
        for session in sessions.values():
            session.sort(key=lambda event: int(event["itemInSession"]))
        return sessions

    @cached_property
    def steps(self) -> list[tuple[Event, Event, float]]:
        """Each event of a session with the one that follows it, and the seconds between them."""
        return [
            (event, following, (following["ts"] - event["ts"]) / 1000)
            for session in self.sessions.values()
            for event, following in pairwise(session)
        ]

    @cached_property
    def levels(self) -> dict[str, list[str]]:
        """The levels of each user, in order of time."""
        levels: dict[str, list[str]] = defaultdict(list)
        for event in sorted(self.events, key=lambda event: (event["ts"], event["itemInSession"])):
            if event["userId"] and levels[event["userId"]][-1:] != [event["level"]]:
                levels[event["userId"]].append(event["level"])
        return levels

    @cached_property
    def songs(self) -> dict[Path, dict[str, Any]]:
        return {
            path: json.loads(path.read_text("utf-8")) for path in self.folder.glob("song_data/*/*/*/*.json")
        }


def fingerprint(folder: Path) -> str:
    """One number for the names and the contents of all files below the folder."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder).as_posix()} {path.stat().st_size}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def fix_mojibake(text: str) -> str:
    return text.encode("latin-1").decode("utf-8").encode("latin-1").decode("utf-8")


def letters(text: str) -> str:
    return re.sub("[^a-z0-9]", "", text.lower())


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    """What ``generate`` writes when nothing is asked for."""
    folder = tmp_path_factory.mktemp("usual")
    return Simulation(folder, generate(folder))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    """Enough events for the proportions to show; four whole weeks."""
    folder = tmp_path_factory.mktemp("large")
    return Simulation(folder, generate(folder, events=40_000, days=28, songs=2000, seed=3, processes=1))


@pytest.fixture(scope="module")
def real() -> Simulation:
    if not REAL.is_dir():
        pytest.skip(f"the real data is not at {REAL}")
    return Simulation(REAL)


# --- files -------------------------------------------------------------------------------------------


def test_what_comes_back_is_what_was_written(usual: Simulation) -> None:
    made = usual.made
    files = [path for path in usual.folder.rglob("*") if path.is_file()]
    assert made.events == len(usual.events) == 10_000
    assert made.plays == len(usual.plays)
    assert made.sessions == len(usual.sessions)
    assert made.users == len({event["userId"] for event in usual.events} - {""})
    assert made.log_files == len(usual.logs) == 30
    assert made.song_files == made.songs == len(usual.songs) == 500
    assert made.bytes == sum(path.stat().st_size for path in files)
    assert made.log_data == usual.folder / "log_data"
    assert made.song_data == usual.folder / "song_data"
    assert made.log_json_path == usual.folder / "log_json_path.json"
    assert made.seconds > 0
    assert sorted(path.name for path in usual.folder.iterdir()) == [
        "log_data",
        "log_json_path.json",
        "song_data",
    ]


def test_one_file_a_day_sorted_and_without_a_final_newline(usual: Simulation) -> None:
    for path, text in usual.logs.items():
        day = date.fromisoformat(path.name[:10])
        assert path == usual.made.log_data / f"{day:%Y}" / f"{day:%m}" / f"{day:%Y-%m-%d}-events.json"
        assert text.startswith("{")
        assert text.endswith("}")
        moments = [json.loads(line)["ts"] for line in text.split("\n")]
        assert moments == sorted(moments)
        assert {datetime.fromtimestamp(ts // 1000, UTC).date() for ts in moments} == {day}
        assert {ts % 1000 for ts in moments} == {796}


def test_lines_are_written_as_the_real_ones(usual: Simulation) -> None:
    for text in usual.logs.values():
        assert text.isascii()
        for line in text.split("\n"):
            event = json.loads(line)
            assert list(event) == KEYS
            assert line == json.dumps(event, separators=(",", ":")).replace("/", "\\/")


def test_the_real_logs_would_pass_too(real: Simulation) -> None:
    test_lines_are_written_as_the_real_ones(real)


def test_types(usual: Simulation) -> None:
    whole = {"itemInSession", "sessionId", "status", "ts"}
    for event in usual.events:
        for key, value in event.items():
            if key in whole:
                assert type(value) is int, key
            elif key in {"length", "registration"}:
                assert value is None or type(value) is float, key
            else:
                assert value is None or type(value) is str, key


def test_json_paths_name_the_keys(usual: Simulation) -> None:
    assert json.loads(usual.made.log_json_path.read_text()) == {"jsonpaths": [f"$['{key}']" for key in KEYS]}


def test_json_paths_are_the_real_ones(usual: Simulation, real: Simulation) -> None:
    assert usual.made.log_json_path.read_bytes() == (real.folder / "log_json_path.json").read_bytes()


def test_song_files_are_written_as_the_real_ones(usual: Simulation) -> None:
    for path, song in usual.songs.items():
        name = re.fullmatch(r"TR([A-Z])([A-Z])([A-Z])[A-Z]{2}128F[0-9A-F]{7}\.json", path.name)
        assert name
        assert path.parent == usual.made.song_data.joinpath(*name.groups())
        assert path.read_text("utf-8") == json.dumps(song)
        assert list(song) == [
            "num_songs", "artist_id", "artist_latitude", "artist_longitude", "artist_location", "artist_name",
            "song_id", "title", "duration", "year",
        ]  # fmt: skip
        assert song["num_songs"] == 1
        assert re.fullmatch("SO[A-Z]{5}12A8[0-9A-F]{7}", song["song_id"])
        assert re.fullmatch("AR[A-Z]{5}1187[0-9A-F]{7}", song["artist_id"])
        assert type(song["duration"]) is float
    assert len({song["song_id"] for song in usual.songs.values()}) == 500


def test_songs_are_spread_over_folders_of_about_twenty(large: Simulation) -> None:
    files = Counter(path.parent for path in large.songs)
    assert len(files) == 100
    assert set(files.values()) == {20}


# --- sessions ----------------------------------------------------------------------------------------


def assert_contiguous(simulation: Simulation) -> None:
    for session in simulation.sessions.values():
        assert [event["itemInSession"] for event in session] == list(range(len(session)))
        assert [event["ts"] for event in session] == sorted(event["ts"] for event in session)
        assert len({event["userId"] for event in session} - {""}) <= 1


@pytest.mark.parametrize("which", ["usual", "large"])
def test_sessions_are_contiguous_from_item_0(which: str, request: pytest.FixtureRequest) -> None:
    assert_contiguous(request.getfixturevalue(which))


def test_no_user_is_in_two_sessions_at_once(large: Simulation) -> None:
    spans = defaultdict(list)
    for session in large.sessions.values():
        for user in {event["userId"] for event in session} - {""}:
            spans[user].append((session[0]["ts"], session[-1]["ts"]))
    for user_spans in spans.values():
        user_spans.sort()
        assert all(end < start for (_, end), (start, _) in pairwise(user_spans))
    plays = Counter((event["userId"], event["ts"]) for event in large.plays)
    assert max(plays.values()) == 1


def test_session_ids_count_up_with_the_days(usual: Simulation) -> None:
    assert sorted(usual.sessions) == list(range(1, len(usual.sessions) + 1))
    days = [usual.sessions[number][0]["ts"] // DAY for number in sorted(usual.sessions)]
    assert days == sorted(days)


def test_a_song_follows_when_the_one_before_is_over(usual: Simulation) -> None:
    gaps = [
        (seconds, int(event["length"]))
        for event, following, seconds in usual.steps
        if event["page"] == following["page"] == "NextSong"
    ]
    assert len(gaps) > 5000
    assert all(seconds == length for seconds, length in gaps)


def test_a_redirect_follows_after_one_second(usual: Simulation) -> None:
    gaps = [seconds for _, following, seconds in usual.steps if following["status"] == 307]
    assert len(gaps) > 100
    assert set(gaps) == {1}


def test_other_gaps_are_as_the_real_ones(large: Simulation) -> None:
    gaps = [
        seconds
        for event, following, seconds in large.steps
        if following["status"] != 307 and not event["page"] == following["page"] == "NextSong"
    ]
    assert 180 < statistics.mean(gaps) < 220
    assert 60 < statistics.median(gaps) < 90


def test_paid_sessions_are_ten_times_longer(large: Simulation) -> None:
    lengths: dict[str, list[int]] = {"paid": [], "free": []}
    for session in large.sessions.values():
        lengths[session[0]["level"]].append(len(session))
    assert 22 < statistics.mean(lengths["paid"]) < 33
    assert 2.3 < statistics.mean(lengths["free"]) < 3.3
    every = sorted(lengths["paid"] + lengths["free"])
    assert statistics.median(every) == 2
    assert 15 < every[len(every) * 9 // 10] < 40


def test_the_chain_is_the_real_one(large: Simulation) -> None:
    leaves: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for session in large.sessions.values():
        for event, following in zip(session, [*session[1:], {"page": "end"}], strict=True):
            leaves[event["page"], event["level"]][following["page"]] += 1

    def share(page: str, level: str, following: str) -> float:
        return leaves[page, level][following] / leaves[page, level].total()

    assert share("NextSong", "paid", "NextSong") == pytest.approx(0.923, abs=0.01)
    assert share("NextSong", "free", "NextSong") == pytest.approx(0.501, abs=0.02)
    assert share("NextSong", "paid", "end") == pytest.approx(0.023, abs=0.005)
    assert share("NextSong", "free", "end") == pytest.approx(0.439, abs=0.02)
    assert share("Upgrade", "free", "Submit Upgrade") == pytest.approx(0.33, abs=0.13)
    assert share("Downgrade", "paid", "Submit Downgrade") < 0.1
    assert share("Login", "free", "Home") == share("Logout", "paid", "Home") == 1
    assert {page for page, _ in leaves} == {
        "NextSong", "Home", "Login", "Logout", "Downgrade", "Settings", "Help", "About", "Upgrade",
        "Save Settings", "Error", "Submit Upgrade", "Submit Downgrade",
    }  # fmt: skip


def test_pages_have_the_states_of_the_real_ones(large: Simulation, real: Simulation) -> None:
    def states(simulation: Simulation) -> set[tuple[Any, ...]]:
        return {
            tuple(event[key] for key in ("page", "auth", "status", "method")) for event in simulation.events
        }

    assert states(large) == states(real)


# --- users -------------------------------------------------------------------------------------------


def test_only_the_logged_in_play_and_only_plays_have_songs(usual: Simulation) -> None:
    for event in usual.events:
        played = [event[key] is not None for key in ("artist", "song", "length")]
        assert played == [event["page"] == "NextSong"] * 3
        assert event["page"] != "NextSong" or event["auth"] == "Logged In"


def test_the_logged_out_have_a_level_and_nothing_else(usual: Simulation) -> None:
    out = [event for event in usual.events if event["auth"] == "Logged Out"]
    assert 0.02 < len(out) / len(usual.events) < 0.05
    assert {event["level"] for event in out} == {"free", "paid"}
    for event in out:
        assert event["userId"] == ""
        assert [event[key] for key in PERSONAL] == [None] * len(PERSONAL)
    assert all(event["userId"] for event in usual.events if event["auth"] == "Logged In")


def test_a_user_stays_the_same_person(usual: Simulation) -> None:
    people = defaultdict(set)
    for event in usual.events:
        if event["userId"]:
            people[event["userId"]].add(tuple(event[key] for key in PERSONAL))
            assert event["registration"] % 1000 == 796
            assert event["registration"] < event["ts"]
    assert all(len(faces) == 1 for faces in people.values())


def test_two_users_have_one_name(usual: Simulation) -> None:
    users = {
        (event["userId"], event["firstName"], event["lastName"]) for event in usual.events if event["userId"]
    }
    assert {("4", "5")} <= {
        (one, other) for one, *name in users for other, *same in users if name == same and one < other
    }


def test_one_user_never_plays(usual: Simulation) -> None:
    # The third is made for it; others come to it by chance.
    silent = {event["userId"] for event in usual.events} - {event["userId"] for event in usual.plays} - {""}
    assert "3" in silent


def test_levels_change_only_where_they_are_submitted(usual: Simulation) -> None:
    changes = [
        (event["page"], event["level"], following["level"])
        for event, following, _ in usual.steps
        if event["level"] != following["level"]
    ]
    assert set(changes) == {("Submit Upgrade", "free", "paid"), ("Submit Downgrade", "paid", "free")}
    assert all(
        event["level"] != following["level"]
        for event, following, _ in usual.steps
        if event["page"].startswith("Submit")
    )


def test_one_user_goes_from_paid_to_free_and_back(usual: Simulation) -> None:
    assert usual.levels["2"][:3] == ["paid", "free", "paid"]
    changing = [levels for levels in usual.levels.values() if len(levels) > 1]
    assert 3 < len(changing) < 30


def test_a_level_is_kept_from_session_to_session(large: Simulation) -> None:
    last: dict[str, str] = {}
    for session in sorted(large.sessions.values(), key=lambda session: int(session[0]["ts"])):
        user = next((event["userId"] for event in session if event["userId"]), "")
        if user:
            assert session[0]["level"] == last.get(user, session[0]["level"])
            # A change is seen from the event after the one that submits it.
            change = {"Submit Upgrade": "paid", "Submit Downgrade": "free"}
            last[user] = change.get(session[-1]["page"]) or session[-1]["level"]


def test_few_users_make_most_plays(large: Simulation) -> None:
    plays = sorted(Counter(event["userId"] for event in large.plays).values(), reverse=True)
    assert 0.5 < sum(plays[: large.made.users // 10]) / len(large.plays) < 0.8
    assert 60 < len(large.events) / large.made.users < 120
    assert 0.75 < sum(event["level"] == "paid" for event in large.plays) / len(large.plays) < 0.9


def test_most_agents_are_quoted(large: Simulation) -> None:
    agents = Counter(event["userAgent"] for event in large.events if event["userAgent"])
    quoted = sum(number for agent, number in agents.items() if agent.startswith('"') and agent.endswith('"'))
    assert 0.6 < quoted / agents.total() < 0.9
    assert len(agents) > 8
    assert max(len(agent.encode()) for agent in agents) < 150


# --- time --------------------------------------------------------------------------------------------


def test_the_day_has_its_wave(large: Simulation) -> None:
    hours = Counter(event["ts"] // 3_600_000 % 24 for event in large.plays)
    assert hours.most_common(1)[0][0] == 16
    assert max(hours.values()) > 3 * min(hours.values())
    assert min(hours, key=lambda hour: hours[hour]) in range(2, 9)


def test_weekends_have_about_half(large: Simulation) -> None:
    days = Counter(datetime.fromtimestamp(event["ts"] // 1000, UTC).weekday() for event in large.plays)
    weekend = (days[5] + days[6]) / 2
    assert 0.3 < weekend / (sum(days[day] for day in range(5)) / 5) < 0.65


def test_sessions_lie_over_midnight(usual: Simulation) -> None:
    days = [{event["ts"] // DAY for event in session} for session in usual.sessions.values()]
    over = sum(len(each) > 1 for each in days)
    assert 3 < over < 50
    owl = [
        s for s in usual.sessions.values() if s[0]["userId"] == "8" and s[0]["ts"] // DAY < s[-1]["ts"] // DAY
    ]
    assert owl


def test_time_stamps_are_shared(usual: Simulation) -> None:
    users = defaultdict(set)
    for event in usual.plays:
        users[event["ts"]].add(event["userId"])
    shared = [who for who in users.values() if len(who) > 1]
    assert {"6", "7"} in shared
    assert len(shared) < 100


# --- songs -------------------------------------------------------------------------------------------


def test_songs_have_a_heavy_tail(usual: Simulation) -> None:
    songs = Counter((event["song"], event["artist"]) for event in usual.plays)
    assert 0.6 < len(songs) / len(usual.plays) < 0.85
    assert 0.8 < sum(number == 1 for number in songs.values()) / len(songs) < 0.95
    assert 0.003 < songs.most_common(1)[0][1] / len(usual.plays) < 0.009
    assert 230 < statistics.mean(event["length"] for event in usual.plays) < 270


def test_some_songs_are_garbled_and_can_be_repaired(usual: Simulation) -> None:
    garbled = [event for event in usual.plays if not (event["song"] + event["artist"]).isascii()]
    assert 0.03 < len(garbled) / len(usual.plays) < 0.08
    catalogue = {(song["title"], song["artist_name"]) for song in usual.songs.values()}
    found = 0
    for event in garbled:
        pair = fix_mojibake(event["song"]), fix_mojibake(event["artist"])
        assert pair != (event["song"], event["artist"])
        assert letters("".join(pair)) == letters(event["song"] + event["artist"])
        # No exact join can match it, yet the repaired one is found.
        assert (event["song"], event["artist"]) not in catalogue
        found += pair in catalogue
    assert found > 5


def test_the_second_most_popular_song_is_garbled(usual: Simulation) -> None:
    artist = names.artist(names.ACCENTED_ARTIST)
    assert not artist.isascii()
    top = Counter((event["song"], event["artist"]) for event in usual.plays).most_common(30)
    assert artist in {fix_mojibake(name) for (_, name), _ in top}


def test_the_catalogue_covers_a_part_of_what_is_played(large: Simulation) -> None:
    exact = {(song["title"], song["artist_name"], song["duration"]) for song in large.songs.values()}
    pairs = {(title, artist) for title, artist, _ in exact}
    by_exact = [e for e in large.plays if (e["song"], e["artist"], e["length"]) in exact]
    by_pair = [e for e in large.plays if (e["song"], e["artist"]) in pairs]
    assert 0.1 < len(by_exact) / len(large.plays) < 0.5
    # Some have the right title and artist, but another duration.
    assert 1.02 < len(by_pair) / len(by_exact) < 1.15
    played = {(e["song"], e["artist"]) for e in large.plays}
    assert len(played) > 2 * large.made.songs
    assert pairs - played


def test_some_titles_differ_from_the_log_in_case_or_punctuation_only(usual: Simulation) -> None:
    catalogue = {(song["title"], song["artist_name"]) for song in usual.songs.values()}
    normalized = {(letters(title), letters(artist)): title for title, artist in catalogue}
    respelt = [
        (event["song"], normalized[letters(event["song"]), letters(event["artist"])])
        for event in usual.plays
        if event["song"].isascii() and event["artist"].isascii()
        if (event["song"], event["artist"]) not in catalogue
        if (letters(event["song"]), letters(event["artist"])) in normalized
    ]
    assert len(respelt) > 10
    assert all(played != written and letters(played) == letters(written) for played, written in respelt)


@pytest.mark.parametrize("which", ["usual", "large"])
def test_the_catalogue_has_the_faults_of_the_real_one(which: str, request: pytest.FixtureRequest) -> None:
    simulation: Simulation = request.getfixturevalue(which)
    songs = list(simulation.songs.values())
    assert 0.4 < sum(song["year"] == 0 for song in songs) / len(songs) < 0.8
    assert all(song["year"] == 0 or 1900 < song["year"] < 2018 for song in songs)
    assert 0.2 < sum(song["artist_location"] == "" for song in songs) / len(songs) < 0.6
    assert 0.3 < sum(song["artist_latitude"] is None for song in songs) / len(songs) < 0.8
    assert all((song["artist_latitude"] is None) == (song["artist_longitude"] is None) for song in songs)
    assert any(not re.search("[A-Za-z]", song["title"]) for song in songs)

    artists = defaultdict(set)
    places = defaultdict(set)
    durations = defaultdict(list)
    for song in songs:
        artists[song["artist_id"]].add(song["artist_name"])
        places[song["artist_id"]].add((song["artist_location"], song["artist_latitude"]))
        durations[song["title"], song["artist_name"], song["artist_id"]].append(song["duration"])
    assert any(
        other.startswith(f"{one} feat. ") for known in artists.values() for one in known for other in known
    )
    assert len(artists) < len(songs)
    assert all(len(known) == 1 for known in places.values())
    several = [known for known in durations.values() if len(known) > 1]
    assert several
    assert all(len(set(known)) == len(known) for known in several)


def test_a_few_names_are_longer_than_256_bytes(usual: Simulation) -> None:
    for key in ("title", "artist_name"):
        lengths = [len(song[key].encode()) for song in usual.songs.values()]
        assert 1 <= sum(length > 256 for length in lengths) <= 5
        assert max(lengths) <= 500
    assert max(len((event["song"] + event["artist"]).encode()) for event in usual.plays) < 256


def test_a_small_catalogue_has_them_too(tmp_path: Path) -> None:
    generate(tmp_path, events=2000, songs=20, days=3)
    songs = list(Simulation(tmp_path).songs.values())
    assert any(len(song["title"]) > 256 for song in songs)
    assert any(len(song["artist_name"].encode()) > 256 for song in songs)
    assert any(not re.search("[A-Za-z]", song["title"]) for song in songs)
    pairs = Counter((song["title"], song["artist_name"]) for song in songs)
    assert max(pairs.values()) == 2
    assert any(" feat. " in song["artist_name"] for song in songs)


def test_artists_have_names_of_their_own() -> None:
    assert len({names.artist(number) for number in range(100_000)}) == 100_000


# --- against the real data ---------------------------------------------------------------------------


def test_nothing_is_copied_from_the_real_data(large: Simulation, real: Simulation) -> None:
    def all_values(simulation: Simulation, *keys: str) -> set[tuple[Any, ...]]:
        return {tuple(event[key] for key in keys) for event in simulation.events if event[keys[0]] is not None}

    for keys in (("userAgent",), ("artist",), ("song", "artist"), ("firstName", "lastName")):
        assert not all_values(large, *keys) & all_values(real, *keys), keys
    ours, theirs = ({song["song_id"] for song in data.songs.values()} for data in (large, real))
    assert not ours & theirs


def test_proportions_are_the_real_ones(large: Simulation, real: Simulation) -> None:
    def pages(simulation: Simulation) -> dict[str, float]:
        counted = Counter(event["page"] for event in simulation.events)
        return {page: number / counted.total() for page, number in counted.items()}

    ours, theirs = pages(large), pages(real)
    assert set(ours) == set(theirs)
    for page, expected in theirs.items():
        if expected > 0.003:
            assert ours[page] == pytest.approx(expected, rel=0.4), page


# --- the same again, and otherwise -------------------------------------------------------------------

FEW: dict[str, Any] = {"events": 3000, "songs": 60, "days": 5, "seed": 11}
# Of these arguments' files. It changes only when the simulator is changed on purpose.
FEW_FINGERPRINT = "dc5eb1b1a91c34dcd96d98c2059179517e0c3eff1790ea4cae31d155122f6dd4"


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    """On every machine and with every Python."""
    generate(tmp_path, **FEW)
    assert fingerprint(tmp_path) == FEW_FINGERPRINT


@pytest.mark.parametrize("processes", [2, 3])
def test_the_number_of_processes_leaves_no_mark(tmp_path: Path, processes: int) -> None:
    generate(tmp_path, **FEW, processes=processes)
    assert fingerprint(tmp_path) == FEW_FINGERPRINT


def test_two_processes_simulate_many_blocks_alike(large: Simulation, tmp_path: Path) -> None:
    """The last block is simulated with too much room first, and again with the room that is left."""
    generate(tmp_path, events=40_000, days=28, songs=2000, seed=3, processes=2)
    assert fingerprint(tmp_path) == fingerprint(large.folder)


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_a_script_without_a_main_guard_may_use_processes(tmp_path: Path, hash_seed: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from sparkify.generate import generate\n"
        f"generate({str(tmp_path / 'made')!r}, **{FEW!r}, processes=2)\nprint('once')\n"
    )
    root = str(Path(sparkify.generate.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "once\n", "")
    assert fingerprint(tmp_path / "made") == FEW_FINGERPRINT


def test_slices_and_spills_leave_no_mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "_EVENTS_PER_SLICE", 50)
    monkeypatch.setattr(writing, "_SPILL_BYTES", 1000)
    monkeypatch.setattr(writing, "_LINES_AT_ONCE", 7)
    monkeypatch.setattr(lines, "_REMEMBERED", 3)
    generate(tmp_path, **FEW)
    assert fingerprint(tmp_path) == FEW_FINGERPRINT


@pytest.mark.parametrize("other", [{"seed": 12}, {"seed": -11}, {"songs": 61}, {"start": date(2020, 2, 27)}])
def test_other_arguments_give_other_files(tmp_path: Path, other: dict[str, Any]) -> None:
    made = generate(tmp_path, **{**FEW, **other})
    assert fingerprint(tmp_path) != FEW_FINGERPRINT
    first = min(path.name for path in made.log_data.rglob("*.json"))
    assert first == f"{other.get('start', date(2018, 11, 1))}-events.json"
    assert made.log_files == 5


def test_compressed_files_hold_the_same_lines(tmp_path: Path) -> None:
    plain, packed, again = (tmp_path / name for name in ("plain", "packed", "again"))
    generate(plain, **FEW)
    made = generate(packed, **FEW, compress=True)
    generate(again, **FEW, compress=True, processes=2)
    assert fingerprint(packed) == fingerprint(again)
    assert made.bytes == sum(path.stat().st_size for path in packed.rglob("*") if path.is_file())
    files = sorted((plain / "log_data").rglob("*.json"))
    assert len(files) == 5
    for path in files:
        other = (packed / path.relative_to(plain)).with_name(path.name + ".gz")
        assert gzip.decompress(other.read_bytes()) == path.read_bytes()
    assert len([path for path in (packed / "log_data").rglob("*") if path.is_file()]) == 5


@pytest.mark.parametrize(
    ("events", "songs", "days"),
    [(1, 1, 1), (7, 3, 30), (100, 20, 30), (400, 5, 365), (2000, 1, 1), (900, 9, 9)],
)
def test_small_ones_are_exact_too(tmp_path: Path, events: int, songs: int, days: int) -> None:
    made = generate(tmp_path, events=events, songs=songs, days=days)
    simulation = Simulation(tmp_path, made)
    assert len(simulation.events) == made.events == events
    assert len(simulation.songs) == songs
    assert made.log_files == len(simulation.logs) == min(events, days)
    assert made.users >= min(events, 5)
    assert_contiguous(simulation)


@pytest.mark.parametrize("seed", range(8))
def test_every_day_has_a_file_and_every_seed_its_faults(tmp_path: Path, seed: int) -> None:
    made = generate(tmp_path, events=1500, songs=20, days=30, seed=seed)
    simulation = Simulation(tmp_path, made)
    assert made.log_files == 30
    assert simulation.levels["2"][:3] == ["paid", "free", "paid"]
    test_two_users_have_one_name(simulation)
    test_one_user_never_plays(simulation)
    test_time_stamps_are_shared(simulation)
    assert any(len({e["ts"] // DAY for e in session}) > 1 for session in simulation.sessions.values())
    assert any(not event["userId"] for event in simulation.events)
    assert any(not (event["song"] + event["artist"]).isascii() for event in simulation.plays)


def test_events_before_1970_have_negative_time_stamps(tmp_path: Path) -> None:
    generate(tmp_path, events=300, songs=1, days=2, start=date(1969, 12, 31))
    events = Simulation(tmp_path).events
    assert min(event["ts"] for event in events) < 0 < max(event["ts"] for event in events)
    assert {event["ts"] % 1000 for event in events} == {796}


# --- what it refuses, and what it leaves --------------------------------------------------------------


@pytest.mark.parametrize("argument", ["events", "songs", "days", "processes"])
@pytest.mark.parametrize("number", [0, -1])
def test_numbers_below_one_are_refused(tmp_path: Path, argument: str, number: int) -> None:
    target = tmp_path / "made"
    arguments: dict[str, Any] = {argument: number}
    with pytest.raises(ValueError, match=f"^{argument} is {number}, but must be at least 1"):
        generate(target, **arguments)
    assert not target.exists()


def test_days_beyond_the_calendar_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^40 days from 9999-12-01 end after the year 9999 \(nothing"):
        generate(tmp_path / "made", start=date(9999, 12, 1), days=40)
    assert not (tmp_path / "made").exists()


def test_file_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f1").write_text("precious")
    done = run_here("sparkify", "generate", "f1", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        2,
        "error: f1 is no folder: choose another one (nothing was written)\n",
    )
    assert (tmp_path / "f1").read_text() == "precious"


def test_directory_that_may_not_be_made_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    done = run_here("sparkify", "generate", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "error: data: cannot be written: Permission denied\n")


def test_users_of_the_events_are_not_said_to_play(tmp_path: Path) -> None:
    options = ("--events", "10", "--songs", "2", "--days", "2")
    done = run_here("sparkify", "generate", *options, cwd=tmp_path)
    simulation = Simulation(tmp_path / "data")
    assert len({event["userId"] for event in simulation.events} - {""}) == 9
    assert len({event["userId"] for event in simulation.plays}) == 7
    assert done.stdout.startswith("Wrote 10 events of 9 users, 7 of them plays, in 2 files, and 2 songs: ")


@pytest.mark.parametrize(
    "name", ["log_data/2018/11/old.json", "song_data/note", "log_data", "log_json_path.json"]
)
def test_nothing_is_overwritten(tmp_path: Path, name: str) -> None:
    there = tmp_path / name
    there.parent.mkdir(parents=True, exist_ok=True)
    there.write_text("precious")
    with pytest.raises(FileExistsError, match=re.escape(str(tmp_path / name.split("/")[0]))):
        generate(tmp_path, **FEW)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [there]
    assert there.read_text() == "precious"


def test_what_is_in_the_directory_otherwise_stays(tmp_path: Path) -> None:
    (tmp_path / "README").write_text("mine")
    (tmp_path / "log_data").mkdir()
    generate(tmp_path, **FEW)
    (tmp_path / "README").unlink()
    assert fingerprint(tmp_path) == FEW_FINGERPRINT
    with pytest.raises(FileExistsError, match="log_data is not empty"):
        generate(tmp_path, **FEW)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_failure_leaves_nothing(tmp_path: Path, processes: int) -> None:
    def interrupt(_: int) -> None:
        assert list((tmp_path / "new").iterdir())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path / "new", **FEW, processes=processes, progress=interrupt)
    assert list(tmp_path.iterdir()) == []
    generate(tmp_path / "new", **FEW, processes=processes)
    assert fingerprint(tmp_path / "new") == FEW_FINGERPRINT


def test_progress_counts_every_event(tmp_path: Path) -> None:
    told: list[int] = []
    generate(tmp_path, **FEW, processes=2, progress=told.append)
    assert len(told) == 5
    assert sum(told) == 3000


# --- processes ---------------------------------------------------------------------------------------


def plan(scratch: Path) -> Plan:
    return Plan(events=10, songs=1, days=1, seed=0, start=date(2018, 11, 1), compress=False, scratch=scratch)


def test_results_come_in_order_and_tasks_are_taken_as_needed(tmp_path: Path) -> None:
    taken = []

    def tasks() -> Any:
        for number in range(1000):
            taken.append(number)
            yield number

    with Workers(World, plan(tmp_path), 2) as workers:
        results = workers.map(World.listener, tasks())
        assert [next(results).number for _ in range(10)] == list(range(10))
        results.close()  # type: ignore[attr-defined]
    assert len(taken) < 20


def test_an_exception_in_a_process_is_raised_here(tmp_path: Path) -> None:
    with Workers(World, plan(tmp_path), 2) as workers:
        with pytest.raises(FileExistsError) as caught:
            list(workers.map(writing.write_songs, [(0, [0]), (0, [0])]))
        assert "write_songs" in caught.value.__notes__[0]


def test_a_process_that_dies_is_told(tmp_path: Path) -> None:
    with Workers(World, plan(tmp_path), 2) as workers:
        for child in workers._children:
            child.kill()
        with pytest.raises(RuntimeError, match="ended early, with exit code -9"):
            list(workers.map(World.listener, [1]))


# --- the module --------------------------------------------------------------------------------------


def test_import_is_cheap_and_does_nothing(tmp_path: Path) -> None:
    """Of the loader's heavy libraries none is needed here."""
    code = "import sys, sparkify.generate; print(*sorted(sys.modules))"
    root = str(Path(sparkify.generate.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    heavy = {"sqlalchemy", "duckdb", "boto3", "pydantic", "typer", "numpy", "multiprocessing", "alembic"}
    assert not heavy & set(done.stdout.split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("module", [sparkify.generate, chance, lines], ids=lambda module: module.__name__)
def test_examples_run(module: Any) -> None:
    result = doctest.testmod(module)
    assert result.attempted
    assert not result.failed
