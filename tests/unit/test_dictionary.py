"""The data dictionary: everything in the models, and an up-to-date page in docs."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace

import pytest
from sqlalchemy import BigInteger, Column, MetaData, Table

from sparkify.etl.errors import ConfigurationError
from sparkify.models import PLAYS, Base
from sparkify.pipeline import SPARKIFY
from sparkify.redshift import register
from sparkify.warehouse.dictionary import ColumnEntry, dictionary, markdown, mermaid
from tests.support.commands import run_here
from tests.support.paths import CLONE
from tests.support.shop import SHOP

PAGE = CLONE / "docs" / "data-dictionary.md"


def test_dictionary_of_another_pipeline_has_its_tables_alone() -> None:
    entries = dictionary(SHOP)
    assert {entry.name for entry in entries} == set(SHOP.metadata.tables)
    assert [entry.name for entry in entries if entry.section == "The star"] == ["orders", "customers"]
    (orders,) = dictionary(SHOP, ["orders"])
    assert (orders.grain, orders.distkey) == ("one order.", "customer_id")
    placed = next(column for column in orders.columns if column.name == "placed_at")
    assert placed.description == "When the order was placed: UTC, with milliseconds."


def column(table: str, name: str) -> ColumnEntry:
    (entry,) = dictionary(SPARKIFY, [table])
    (found,) = (one for one in entry.columns if one.name == name)
    return found


def test_dictionary_has_every_table_and_column_of_the_models() -> None:
    found = {entry.name: [one.name for one in entry.columns] for entry in dictionary(SPARKIFY)}
    tables = {name: table.columns.keys() for name, table in Base.metadata.tables.items()}
    assert found == tables | {"plays": PLAYS.table.columns.keys()}
    assert next(iter(found)) == "songplays"


def test_view_is_told_from_a_table() -> None:
    (plays,) = dictionary(SPARKIFY, ["plays"])
    assert [entry.name for entry in dictionary(SPARKIFY) if entry.is_view] == ["plays"]
    assert (plays.grain, plays.diststyle, plays.sortkey) == (
        "one play, with its time, user, song and artist.", None, (),
    )  # fmt: skip
    assert "distributed" not in markdown([plays])
    assert "A view: nothing is stored." in markdown([plays])
    # The diagram of the star does not have it either.
    assert "    plays {" not in PAGE.read_text(encoding="utf-8")
    # A view's column has the description of the model's column, unless it has its own.
    assert column("plays", "level").description == column("songplays", "level").description
    assert column("plays", "year").description == "Of the play."
    assert [one.name for one in plays.columns if one.nullable] == [
        "user_name", "first_name", "last_name", "gender", "level", "current_level", "registered_at", "location",
        "user_agent", "song_year", "song_duration", "artist_location", "artist_latitude", "artist_longitude",
    ]  # fmt: skip


def test_the_page_in_docs_is_what_the_models_say() -> None:
    text = f"{markdown(dictionary(SPARKIFY))}\n"
    assert PAGE.read_text(encoding="utf-8") == text, "run: sparkify-etl schema > docs/data-dictionary.md"


def test_what_is_told_of_a_column() -> None:
    assert column("songs", "duration") == ColumnEntry(
        name="duration",
        type="DOUBLE PRECISION",
        nullable=True,
        unit="s",
        key=False,
        references=None,
        encode="zstd",
        json_key=None,
        description="Seconds; of an inferred song the shortest length played.",
    )
    start = column("songplays", "start_time")
    assert (start.type, start.unit, start.references) == ("TIMESTAMP", "UTC", "time.start_time")
    # Written in the model's mixin, not in the model.
    assert column("load_history", "load_id").description == "Counts up from 1."
    assert column("staging_events", "item_in_session").json_key == "itemInSession"


def test_units() -> None:
    found = {
        f"{entry.name}.{one.name}": one.unit
        for entry in dictionary(SPARKIFY)
        for one in entry.columns
        if one.unit not in (None, "UTC")
    }
    assert found == {
        "songs.duration": "s",
        "plays.song_duration": "s",
        "plays.artist_latitude": "degrees",
        "plays.artist_longitude": "degrees",
        "artists.latitude": "degrees",
        "artists.longitude": "degrees",
        "song_matches.duration": "s",
        "staging_events.length": "s",
        "staging_events.registration": "ms since 1970, UTC",
        "staging_songs.artist_latitude": "degrees",
        "staging_songs.artist_longitude": "degrees",
        "staging_songs.duration": "s",
        "load_history.bytes": "bytes",
        "load_steps.seconds": "s",
        "failed_loads.seconds": "s",
        "loaded_files.bytes": "bytes",
    }


def test_keys_and_distribution() -> None:
    (plays,) = dictionary(SPARKIFY, ["songplays"])
    assert [one.name for one in plays.columns if one.key] == ["songplay_id"]
    assert (plays.distkey, plays.sortkey) == ("user_id", ("start_time",))
    assert plays.grain == "one `NextSong` event."
    (levels,) = dictionary(SPARKIFY, ["user_levels"])
    assert (levels.distkey, levels.sortkey) == ("user_id", ("user_id", "valid_from"))
    (history,) = dictionary(SPARKIFY, ["load_history"])
    assert (history.diststyle, history.sortkey) == ("ALL", ("load_id",))
    (staging,) = dictionary(SPARKIFY, ["staging_events"])
    assert not any(one.key for one in staging.columns)


def test_choices_left_to_redshift_are_told() -> None:
    # SQLAlchemy may have loaded upstream's dialect first, which has no ENCODE option for tables.
    register()
    left = Table(
        "left_to_redshift",
        MetaData(),
        Column("id", BigInteger),
        comment="Grain: one row.",
        redshift_diststyle="AUTO",
        redshift_sortkey="AUTO",
        redshift_encode="AUTO",
    )
    (entry,) = dictionary(replace(SPARKIFY, tables=(*SPARKIFY.tables, left)), ["left_to_redshift"])
    assert (entry.diststyle, entry.sortkey, entry.sortkey_auto, entry.encode_auto) == ("AUTO", (), True, True)
    assert "On Redshift: distributed as Redshift chooses, sorted and encoded as Redshift chooses." in markdown(
        [entry]
    )
    (plays,) = dictionary(SPARKIFY, ["songplays"])
    assert (plays.sortkey_auto, plays.encode_auto) == (False, False)


def test_the_diagram() -> None:
    lines = mermaid(dictionary(SPARKIFY, ["songs", "artists"])).splitlines()
    assert lines[:3] == ["erDiagram", '    artists ||--o{ songs : "artist_id"', "    songs {"]
    assert "        varchar_32 song_id PK" in lines
    assert "        varchar_32 artist_id FK" in lines
    # References to tables outside the diagram are omitted.
    assert "||--o{" not in mermaid(dictionary(SPARKIFY, ["songs"]))


def test_every_description_is_markdown_and_in_one_line() -> None:
    for entry in dictionary(SPARKIFY):
        for text in (entry.grain, entry.notes, *(one.description for one in entry.columns)):
            assert "``" not in text
            assert ":class:" not in text
            assert "\n" not in text


def test_a_table_that_is_none() -> None:
    with pytest.raises(ConfigurationError, match=r"'songplay' is not a table\. Did you mean songplays\?"):
        dictionary(SPARKIFY, ["songplay"])


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run_here("sparkify", "schema", *arguments)


def test_the_command() -> None:
    assert run().stdout == PAGE.read_text(encoding="utf-8")
    assert run("--mermaid", "users").stdout.startswith("erDiagram\n    users {")
    (users,) = json.loads(run("users", "--json").stdout)
    assert (users["name"], users["sortkey"], users["columns"][0]["name"]) == ("users", ["user_id"], "user_id")
    wrong = run("user")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "Did you mean users?" in wrong.stderr
