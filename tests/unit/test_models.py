"""The models: the exact Redshift DDL of each, and what every model must have."""

from __future__ import annotations

import ast
import re

import pytest
from sqlalchemy import String, Table
from sqlalchemy.schema import CreateTable

from benchmarks.layouts.search import LAYOUTS
from sparkify import models
from sparkify.etl.declarations import json_fields
from sparkify.models import Base, Match, StagingEvent, StagingSong
from sparkify.redshift import RedshiftDialect
from sparkify.redshift.attributes import TableAttributes
from tests.support.paths import CLONE

DDL = {
    "songplays": """
        songplay_id BIGINT IDENTITY(1,1) ENCODE az64 NOT NULL,
        start_time TIMESTAMP WITHOUT TIME ZONE ENCODE raw NOT NULL,
        user_id BIGINT ENCODE az64 NOT NULL,
        level VARCHAR(16) ENCODE zstd,
        song_id VARCHAR(32) ENCODE zstd NOT NULL,
        artist_id VARCHAR(32) ENCODE zstd NOT NULL,
        session_id BIGINT ENCODE az64 NOT NULL,
        item_in_session INTEGER ENCODE az64 NOT NULL,
        location VARCHAR(512) ENCODE zstd,
        user_agent VARCHAR(1024) ENCODE zstd,
        match VARCHAR(16) ENCODE zstd NOT NULL,
        match_id BIGINT ENCODE az64 NOT NULL,
        load_id BIGINT ENCODE az64 NOT NULL,
        CONSTRAINT songplays_pkey PRIMARY KEY (songplay_id),
        CONSTRAINT songplays_start_time_fkey FOREIGN KEY(start_time) REFERENCES time (start_time),
        CONSTRAINT songplays_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (user_id),
        CONSTRAINT songplays_song_id_fkey FOREIGN KEY(song_id) REFERENCES songs (song_id),
        CONSTRAINT songplays_artist_id_fkey FOREIGN KEY(artist_id) REFERENCES artists (artist_id),
        CONSTRAINT songplays_match_id_fkey FOREIGN KEY(match_id) REFERENCES song_matches (match_id)
        ) DISTSTYLE KEY DISTKEY (user_id) SORTKEY (start_time)""",
    "users": """
        user_id BIGINT ENCODE raw NOT NULL,
        first_name VARCHAR(256) ENCODE zstd,
        last_name VARCHAR(256) ENCODE zstd,
        gender VARCHAR(16) ENCODE zstd,
        level VARCHAR(16) ENCODE zstd,
        registered_at TIMESTAMP WITHOUT TIME ZONE ENCODE az64,
        last_played_at TIMESTAMP WITHOUT TIME ZONE ENCODE az64 NOT NULL,
        described_at TIMESTAMP WITHOUT TIME ZONE ENCODE az64,
        CONSTRAINT users_pkey PRIMARY KEY (user_id)
        ) DISTSTYLE KEY DISTKEY (user_id) SORTKEY (user_id)""",
    "songs": """
        song_id VARCHAR(32) ENCODE raw NOT NULL,
        title VARCHAR(1024) ENCODE zstd NOT NULL,
        artist_id VARCHAR(32) ENCODE zstd NOT NULL,
        artist_name VARCHAR(1024) ENCODE zstd NOT NULL,
        year SMALLINT ENCODE az64,
        duration DOUBLE PRECISION ENCODE zstd,
        inferred BOOLEAN ENCODE zstd NOT NULL,
        title_key VARCHAR(1024) ENCODE zstd,
        artist_key VARCHAR(1024) ENCODE zstd,
        CONSTRAINT songs_pkey PRIMARY KEY (song_id),
        CONSTRAINT songs_artist_id_fkey FOREIGN KEY(artist_id) REFERENCES artists (artist_id)
        ) DISTSTYLE KEY DISTKEY (song_id) SORTKEY (song_id)""",
    "artists": """
        artist_id VARCHAR(32) ENCODE raw NOT NULL,
        name VARCHAR(1024) ENCODE zstd NOT NULL,
        location VARCHAR(1024) ENCODE zstd,
        latitude DOUBLE PRECISION ENCODE zstd,
        longitude DOUBLE PRECISION ENCODE zstd,
        inferred BOOLEAN ENCODE zstd NOT NULL,
        name_key VARCHAR(1024) ENCODE zstd,
        CONSTRAINT artists_pkey PRIMARY KEY (artist_id)
        ) DISTSTYLE KEY DISTKEY (artist_id) SORTKEY (artist_id)""",
    "time": """
        start_time TIMESTAMP WITHOUT TIME ZONE ENCODE raw NOT NULL,
        hour SMALLINT ENCODE az64 NOT NULL,
        day SMALLINT ENCODE az64 NOT NULL,
        week SMALLINT ENCODE az64 NOT NULL,
        month SMALLINT ENCODE az64 NOT NULL,
        year SMALLINT ENCODE az64 NOT NULL,
        weekday SMALLINT ENCODE az64 NOT NULL,
        CONSTRAINT time_pkey PRIMARY KEY (start_time)
        ) DISTSTYLE KEY DISTKEY (start_time) SORTKEY (start_time)""",
    "user_levels": """
        user_id BIGINT ENCODE raw NOT NULL,
        valid_from TIMESTAMP WITHOUT TIME ZONE ENCODE az64 NOT NULL,
        valid_to TIMESTAMP WITHOUT TIME ZONE ENCODE az64,
        level VARCHAR(16) ENCODE zstd,
        is_current BOOLEAN ENCODE zstd NOT NULL,
        CONSTRAINT user_levels_pkey PRIMARY KEY (user_id, valid_from),
        CONSTRAINT user_levels_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (user_id)
        ) DISTSTYLE KEY DISTKEY (user_id) SORTKEY (user_id, valid_from)""",
    "song_matches": """
        match_id BIGINT ENCODE raw NOT NULL,
        artist_name VARCHAR(1024) ENCODE zstd NOT NULL,
        title VARCHAR(1024) ENCODE zstd NOT NULL,
        duration DOUBLE PRECISION ENCODE zstd,
        song_id VARCHAR(32) ENCODE zstd NOT NULL,
        artist_id VARCHAR(32) ENCODE zstd NOT NULL,
        match VARCHAR(16) ENCODE zstd NOT NULL,
        load_id BIGINT ENCODE az64 NOT NULL,
        artist_key VARCHAR(1024) ENCODE zstd,
        CONSTRAINT song_matches_pkey PRIMARY KEY (match_id),
        CONSTRAINT song_matches_song_id_fkey FOREIGN KEY(song_id) REFERENCES songs (song_id),
        CONSTRAINT song_matches_artist_id_fkey FOREIGN KEY(artist_id) REFERENCES artists (artist_id)
        ) DISTSTYLE KEY DISTKEY (match_id) SORTKEY (match_id)""",
    "staging_events": """
        artist VARCHAR(1024) ENCODE zstd,
        auth VARCHAR(64) ENCODE zstd,
        first_name VARCHAR(256) ENCODE zstd,
        gender VARCHAR(16) ENCODE zstd,
        item_in_session INTEGER ENCODE az64,
        last_name VARCHAR(256) ENCODE zstd,
        length DOUBLE PRECISION ENCODE zstd,
        level VARCHAR(16) ENCODE zstd,
        location VARCHAR(512) ENCODE zstd,
        method VARCHAR(16) ENCODE zstd,
        page VARCHAR(64) ENCODE zstd,
        registration DOUBLE PRECISION ENCODE zstd,
        session_id BIGINT ENCODE az64,
        song VARCHAR(1024) ENCODE zstd,
        status INTEGER ENCODE az64,
        ts TIMESTAMP WITHOUT TIME ZONE ENCODE az64,
        user_agent VARCHAR(1024) ENCODE zstd,
        user_id BIGINT ENCODE az64
        ) DISTSTYLE EVEN""",
    "staging_songs": """
        num_songs INTEGER ENCODE az64,
        artist_id VARCHAR(32) ENCODE zstd,
        artist_latitude DOUBLE PRECISION ENCODE zstd,
        artist_longitude DOUBLE PRECISION ENCODE zstd,
        artist_location VARCHAR(1024) ENCODE zstd,
        artist_name VARCHAR(1024) ENCODE zstd,
        song_id VARCHAR(32) ENCODE zstd,
        title VARCHAR(1024) ENCODE zstd,
        duration DOUBLE PRECISION ENCODE zstd,
        year INTEGER ENCODE az64
        ) DISTSTYLE EVEN""",
    "load_history": """
        load_id BIGINT ENCODE raw NOT NULL,
        mode VARCHAR(16) ENCODE zstd NOT NULL,
        started_at TIMESTAMP WITHOUT TIME ZONE ENCODE az64 NOT NULL,
        finished_at TIMESTAMP WITHOUT TIME ZONE ENCODE az64 NOT NULL,
        files BIGINT ENCODE az64 NOT NULL,
        bytes BIGINT ENCODE az64 NOT NULL,
        lines BIGINT ENCODE az64 NOT NULL,
        loaded BIGINT ENCODE az64 NOT NULL,
        rejected BIGINT ENCODE az64 NOT NULL,
        blank BIGINT ENCODE az64 NOT NULL,
        version VARCHAR(32) ENCODE zstd NOT NULL,
        rules_version INTEGER ENCODE az64,
        drift VARCHAR(65535) ENCODE zstd,
        observed VARCHAR(65535) ENCODE zstd,
        CONSTRAINT load_history_pkey PRIMARY KEY (load_id)
        ) DISTSTYLE ALL SORTKEY (load_id)""",
    "loaded_files": """
        uri VARCHAR(2048) ENCODE zstd NOT NULL,
        source VARCHAR(64) ENCODE zstd NOT NULL,
        fingerprint VARCHAR(256) ENCODE zstd NOT NULL,
        bytes BIGINT ENCODE az64 NOT NULL,
        lines BIGINT ENCODE az64 NOT NULL,
        loaded BIGINT ENCODE az64 NOT NULL,
        rejected BIGINT ENCODE az64 NOT NULL,
        blank BIGINT ENCODE az64 NOT NULL,
        load_id BIGINT ENCODE az64 NOT NULL,
        content_hash VARCHAR(64) ENCODE zstd,
        drift VARCHAR(4096) ENCODE zstd,
        CONSTRAINT loaded_files_pkey PRIMARY KEY (source, uri)
        ) DISTSTYLE EVEN""",
    "rejected_rows": """
        uri VARCHAR(2048) ENCODE zstd NOT NULL,
        line BIGINT ENCODE az64 NOT NULL,
        source VARCHAR(64) ENCODE zstd NOT NULL,
        column_name VARCHAR(128) ENCODE zstd,
        reason VARCHAR(512) ENCODE zstd NOT NULL,
        text VARCHAR(65535) ENCODE zstd NOT NULL,
        load_id BIGINT ENCODE az64 NOT NULL,
        CONSTRAINT rejected_rows_pkey PRIMARY KEY (source, uri, line)
        ) DISTSTYLE EVEN""",
    "load_lock": """
        token INTEGER ENCODE raw NOT NULL,
        taken BIGINT ENCODE az64 NOT NULL,
        CONSTRAINT load_lock_pkey PRIMARY KEY (token)
        ) DISTSTYLE ALL""",
    "load_steps": """
        load_id BIGINT ENCODE az64 NOT NULL,
        number INTEGER ENCODE az64 NOT NULL,
        title VARCHAR(256) ENCODE zstd NOT NULL,
        rows BIGINT ENCODE az64 NOT NULL,
        seconds DOUBLE PRECISION ENCODE zstd NOT NULL,
        CONSTRAINT load_steps_pkey PRIMARY KEY (load_id, number)
        ) DISTSTYLE ALL""",
    "column_history": """
        table_name VARCHAR(128) ENCODE zstd NOT NULL,
        column_name VARCHAR(128) ENCODE zstd NOT NULL,
        load_id BIGINT ENCODE az64 NOT NULL,
        CONSTRAINT column_history_pkey PRIMARY KEY (table_name, column_name)
        ) DISTSTYLE ALL""",
    "load_checksums": """
        load_id BIGINT ENCODE az64 NOT NULL,
        table_name VARCHAR(128) ENCODE zstd NOT NULL,
        of_load BIGINT ENCODE az64 NOT NULL,
        removed BOOLEAN ENCODE zstd NOT NULL,
        rows BIGINT ENCODE az64 NOT NULL,
        checksum NUMERIC(38, 0) ENCODE az64,
        probe BIGINT ENCODE az64,
        CONSTRAINT load_checksums_pkey PRIMARY KEY (load_id, table_name, of_load, removed)
        ) DISTSTYLE ALL""",
    "failed_loads": """
        started_at TIMESTAMP WITHOUT TIME ZONE ENCODE az64 NOT NULL,
        host VARCHAR(256) ENCODE zstd NOT NULL,
        pid BIGINT ENCODE az64 NOT NULL,
        failed_at TIMESTAMP WITHOUT TIME ZONE ENCODE az64 NOT NULL,
        seconds DOUBLE PRECISION ENCODE zstd NOT NULL,
        step VARCHAR(256) ENCODE zstd,
        error VARCHAR(4096) ENCODE zstd NOT NULL,
        exit_code INTEGER ENCODE az64 NOT NULL,
        attempts INTEGER ENCODE az64 NOT NULL,
        state VARCHAR(256) ENCODE zstd,
        version VARCHAR(32) ENCODE zstd NOT NULL,
        settled_at TIMESTAMP WITHOUT TIME ZONE ENCODE az64,
        after_load BIGINT ENCODE az64,
        CONSTRAINT failed_loads_pkey PRIMARY KEY (started_at, host, pid)
        ) DISTSTYLE ALL""",
}


def plain(text: str) -> str:
    """One space between words."""
    return re.sub(r"\s+", " ", text).strip()


def test_every_table_is_here() -> None:
    assert set(DDL) == set(Base.metadata.tables)


@pytest.mark.parametrize("name", sorted(DDL))
def test_what_redshift_is_told(name: str) -> None:
    text = str(CreateTable(Base.metadata.tables[name]).compile(dialect=RedshiftDialect()))
    assert plain(text) == plain(f"CREATE TABLE {name} ( {DDL[name]}")


def test_every_model_and_every_text_says_what_it_is() -> None:
    for mapper in Base.registry.mappers:
        assert "Grain:" in (mapper.class_.__doc__ or ""), mapper.class_
    for table in Base.metadata.tables.values():
        for column in table.columns:
            assert not isinstance(column.type, String) or column.type.length, column


def table_of(model: type[Base]) -> Table:
    """The table of a model."""
    assert isinstance(model.__table__, Table)
    return model.__table__


def length_of(model: type[Base], column: str) -> int:
    """The length of a text column."""
    kind = table_of(model).c[column].type
    assert isinstance(kind, String)
    assert kind.length is not None
    return kind.length


def test_copies_on_each_node_are_of_tables_that_stay_small() -> None:
    """What each load adds to would be written on every node. These get a few rows of a load, or none."""
    in_copies = {
        name for name, table in Base.metadata.tables.items() if TableAttributes.of(table).diststyle == "ALL"
    }
    assert in_copies == {
        "load_history",
        "load_lock",
        "load_steps",
        "column_history",
        "load_checksums",
        "failed_loads",
    }


def test_plays_lie_with_their_users_and_levels() -> None:
    """They are joined by user_id, which moves nothing where all lie by it."""
    keys = {table: TableAttributes.of(Base.metadata.tables[table]).distkey for table in LAYOUTS["user"]}
    assert keys == {table: placement.column for table, placement in LAYOUTS["user"].items()}
    assert keys["songplays"] == keys["users"] == keys["user_levels"] == "user_id"


def test_json_keys_are_on_the_columns() -> None:
    assert {column.name: field.key for column, field in json_fields(table_of(StagingEvent)).items()} == {
        "artist": "artist", "auth": "auth", "first_name": "firstName", "gender": "gender",
        "item_in_session": "itemInSession", "last_name": "lastName", "length": "length", "level": "level",
        "location": "location", "method": "method", "page": "page", "registration": "registration",
        "session_id": "sessionId", "song": "song", "status": "status", "ts": "ts",
        "user_agent": "userAgent", "user_id": "userId",
    }  # fmt: skip
    # For songs each key is the name of its column, so COPY needs no JSONPaths.
    assert all(column.name == field.key for column, field in json_fields(table_of(StagingSong)).items())


def test_lengths_fit_the_big_song_set() -> None:
    """Names and titles there exceed 256 bytes, which is what VARCHAR without a length is on Redshift."""
    for model, column in ((StagingSong, "title"), (StagingSong, "artist_name"), (models.Song, "title")):
        assert length_of(model, column) == 1024


def test_match_has_its_tiers_in_order() -> None:
    assert [(match.tier, match.value) for match in Match] == [
        (1, "exact"), (2, "title_artist"), (3, "normalized"), (4, "inferred"),
    ]  # fmt: skip
    assert len({match.label for match in Match}) == 4
    assert length_of(models.SongPlay, "match") >= max(map(len, Match))


def test_match_values_are_written_once() -> None:
    """``inferred`` is the name of a column too, so it is looked for where something is compared with it."""
    values = set(Match)
    for path in (CLONE / "sparkify").rglob("*.py"):
        if path == CLONE / "sparkify" / "models" / "match.py":
            continue
        nodes = list(ast.walk(ast.parse(path.read_text())))
        texts = {node.value for node in nodes if isinstance(node, ast.Constant)}
        assert not texts & (values - {Match.INFERRED}), path
        compared = {
            part.value
            for node in nodes
            if isinstance(node, ast.Compare)
            for part in node.comparators
            if isinstance(part, ast.Constant)
        }
        assert not compared & values, path
