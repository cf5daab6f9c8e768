"""Judges of SQL for Redshift: sqlfluff's grammar, and a list of what it accepts but Redshift does not support.

Sources: the Amazon Redshift Database Developer Guide, pages "Unsupported PostgreSQL features", "Unsupported
PostgreSQL functions", "INSERT", "MERGE", "ALTER TABLE", "TRUNCATE", "CREATE TABLE", "Leader node-only
functions".
"""

from __future__ import annotations

import re

from sqlfluff.core import FluffConfig, Linter

_WORDS = {
    "DISTINCT ON": r"\bDISTINCT\s+ON\s*\(",
    "RETURNING": r"\bRETURNING\b",
    "ON CONFLICT": r"\bON\s+CONFLICT\b",
    "an index": r"\b(CREATE|DROP)\s+(UNIQUE\s+)?INDEX\b",
    "LATERAL": r"\bLATERAL\b",
    "FILTER": r"\bFILTER\s*\(\s*WHERE\b",
    "IS DISTINCT FROM": r"\bIS\s+(NOT\s+)?DISTINCT\s+FROM\b",
    "generate_series": r"\bgenerate_series\s*\(",
    "string_agg or array_agg": r"\b(string|array)_agg\s*\(",
    "a time of the leader node": r"\b(CURRENT_TIMESTAMP|CURRENT_TIME|LOCALTIME|LOCALTIMESTAMP)\b|\bnow\s*\(",
    "VALUES as a table": r"\b(FROM|JOIN)\s*\(\s*VALUES\b",
    "a CTE before INSERT": r"^\s*WITH\b(?s:.*)\)\s*INSERT\s+INTO\b",
    "a sequence": r"\bCREATE\s+SEQUENCE\b|\bnextval\s*\(|\bSERIAL\b",
    "an array": r"\bARRAY\s*\[|\bunnest\s*\(",
    "FOR UPDATE": r"\bFOR\s+(UPDATE|SHARE)\b",
    "a trigger": r"\bCREATE\s+(CONSTRAINT\s+)?TRIGGER\b",
    "a type that there is not": r"(::|(?<!FORMAT )\bAS\s+)(JSONB?|UUID|BYTEA|HSTORE|MONEY)\b",
    "a savepoint": r"^\s*(SAVEPOINT|ROLLBACK\s+TO|RELEASE)\b",
    "TRUNCATE, which commits": r"^\s*TRUNCATE\b",
    "two columns in one ALTER": r"\bADD\s+(COLUMN\s+)?\w+[^,;]*,\s*ADD\b",
    "a type changed to another": r"\bALTER\s+(COLUMN\s+)?\w+\s+TYPE\s+(?!(VARCHAR|CHARACTER VARYING)\b)",
    "NOT NULL changed": r"\b(SET|DROP)\s+NOT\s+NULL\b",
    "a default changed": r"\bALTER\s+(COLUMN\s+)?\w+\s+(SET|DROP)\s+DEFAULT\b",
    "CHECK": r"\bCHECK\s*\(",
    "MERGE into an alias": r"\bMERGE\s+INTO\s+[\w.]+\s+(AS\s+)?(?!USING\b)\w+\s+USING\b",
    "MERGE from a subquery": r"\bMERGE\b(?s:.*?)\bUSING\s*\(",
    "MERGE with a condition": r"\bWHEN\s+(NOT\s+)?MATCHED\s+AND\b",
    "MERGE that does nothing": r"\bTHEN\s+DO\s+NOTHING\b",
    "DISTSTYLE KEY without its key": r"\bDISTSTYLE\s+KEY\b(?!(?s:.*)\bDISTKEY\b)",
    "two sort keys": r"\bSORTKEY\s*\([^)]*\)(?s:.*)\bSORTKEY\s*\(",
    "a parameter in COPY": r"^\s*(COPY|UNLOAD)\b(?s:.*)\$\d",
    "keys in COPY": r"\bACCESS_KEY_ID\b|\baws_access_key_id\b",
}
DENIED = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in _WORDS.items()}

_TEXT = re.compile(r"'(?:[^']|'')*'")
_CONFIG = FluffConfig(overrides={"dialect": "redshift"}, ignore_local_config=True)


def denied(sql: str) -> list[str]:
    """The names of the list's matches in a statement. Quoted text is ignored, except for keys."""
    plain = _TEXT.sub("''", sql)
    found = [name for name, pattern in DENIED.items() if pattern.search(plain)]
    if "keys in COPY" not in found and DENIED["keys in COPY"].search(sql):
        found.append("keys in COPY")
    return found


def ungrammatical(sql: str) -> list[str]:
    """The violations that sqlfluff's Redshift grammar finds in a statement."""
    parsed = Linter(config=_CONFIG).parse_string(f"{re.sub(r'[$][0-9]+', '1', sql)};")
    return [str(violation) for violation in parsed.violations]
