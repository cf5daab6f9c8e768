"""Compare the stars of two databases; run it with the interpreter whose DuckDB made them.

    python benchmarks/rows.py same A.duckdb B.duckdb      prints a JSON object: each table that differs, and how
    python benchmarks/rows.py counts A.duckdb [SCHEMA]    prints the rows of the simple star as a JSON object

Ids that number rows (``songplay_id``, ``match_id``) depend on the order in which the rows were made: the rows
they refer to are compared instead. Needs nothing but DuckDB.
"""

from __future__ import annotations

import json
import sys

import duckdb

__all__ = ["TABLES", "counts", "differences"]

TABLES = {
    "songplays": """
        SELECT p.start_time, p.user_id, p.level, p.song_id, p.artist_id, p.session_id,
               CAST(p.item_in_session AS BIGINT), p.location, p.user_agent, p.match,
               m.artist_name, m.title, m.duration
        FROM {0}.songplays p LEFT JOIN {0}.song_matches m USING (match_id)""",
    "users": """
        SELECT user_id, first_name, last_name, gender, level, registered_at, last_played_at FROM {0}.users""",
    "songs": """
        SELECT song_id, title, artist_id, artist_name, CAST(year AS BIGINT), duration, inferred
        FROM {0}.songs""",
    "artists": "SELECT artist_id, name, location, latitude, longitude, inferred FROM {0}.artists",
    "time": """
        SELECT start_time, CAST(hour AS BIGINT), CAST(day AS BIGINT), CAST(week AS BIGINT),
               CAST(month AS BIGINT), CAST(year AS BIGINT), CAST(weekday AS BIGINT)
        FROM {0}.time""",
    "user_levels": "SELECT user_id, valid_from, valid_to, level, is_current FROM {0}.user_levels",
    "song_matches": """
        SELECT artist_name, title, duration, song_id, artist_id, match FROM {0}.song_matches""",
}
"""The columns of each table that are compared."""

_COUNTS = """
SELECT (SELECT count(*) FROM {0}.songplays) AS songplays, (SELECT count(*) FROM {0}.users) AS users,
       (SELECT count(*) FROM {0}.songs {1}) AS songs, (SELECT count(*) FROM {0}.artists {1}) AS artists,
       (SELECT count(*) FROM {0}.time) AS time
"""


def differences(left: str, right: str) -> dict[str, str]:
    """How each differing table differs; empty if the rows of all are the same, in any order."""
    found = {}
    with duckdb.connect() as connection:
        for name, path in (("l", left), ("r", right)):
            connection.execute(f"ATTACH '{path}' AS {name} (READ_ONLY)")
        for table, select in TABLES.items():
            # A sum of hashes, not EXCEPT ALL, which would hold ten million rows in memory.
            sums = [
                connection.execute(
                    f"SELECT count(*), sum(hash(s)::HUGEINT) FROM ({select.format(name)}) s"
                ).fetchone()
                for name in "lr"
            ]
            if sums[0] != sums[1]:
                only = [
                    connection.execute(
                        f"({select.format(one)}) EXCEPT ({select.format(other)}) ORDER BY ALL LIMIT 1"
                    ).fetchone()
                    for one, other in ("lr", "rl")
                ]
                rows = [total[0] if total else 0 for total in sums]
                found[table] = f"{rows[0]} rows and {rows[1]}; only left {only[0]}; only right {only[1]}"
    return found


def counts(path: str, schema: str = "main") -> dict[str, int]:
    """The number of rows of each table of the simple star, without inferred songs and artists."""
    with duckdb.connect(path, read_only=True) as connection:
        where = ""
        if connection.execute(
            "FROM duckdb_columns() WHERE table_name = 'songs' AND column_name = 'inferred'"
        ).fetchone():
            where = "WHERE NOT inferred"
        row = connection.execute(_COUNTS.format(schema, where)).fetchone()
        assert row is not None
        return dict(zip(("songplays", "users", "songs", "artists", "time"), row, strict=True))


if __name__ == "__main__":
    print(json.dumps((differences if sys.argv[1] == "same" else counts)(*sys.argv[2:])))
