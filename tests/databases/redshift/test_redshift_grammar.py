"""A Redshift grammar parses all statements in the tests of the package."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.schema import CreateTable

from sparkify.redshift import render
from tests.unit.redshift.test_redshift_copy import copy
from tests.unit.redshift.test_redshift_ddl import TEXTS as ALTERS
from tests.unit.redshift.test_redshift_dialect import DELETES, a, b
from tests.unit.redshift.test_redshift_migrations import TEXTS as OPERATIONS
from tests.unit.redshift.test_redshift_migrations import offline
from tests.unit.redshift.test_redshift_unload import unload


def statements() -> dict[str, str]:
    """Texts of every construct, by name."""
    found: dict[str, Any] = {f"delete, {name}": statement for name, (statement, _, _) in DELETES.items()}
    found |= {f"alter, {name}": statement for name, (statement, _) in ALTERS.items()}
    found["create"] = CreateTable(a)
    found["copy"] = copy(
        region="us-west-2", json="auto ignorecase", compression="ZSTD", timeformat="epochmillisecs"
    )
    found["copy from a manifest"] = copy(iam_role="default", manifest=True, from_="s3://logs/x", maxerror=0)
    found["copy csv"] = copy(format="CSV", null_as="NA", ignoreheader=1, compupdate="PRESET", statupdate=True)
    found["copy parquet"] = copy(format="PARQUET")
    found["unload"] = unload(partition_by=["year"], manifest=True, maxfilesize_mb=100)
    found["unload json"] = unload(format="JSON", compression="GZIP", cleanpath=True)
    insert = a.insert().from_select(["id", "name"], b.select().where(b.c.name == "a\\b"))
    found["insert"] = insert
    texts = {name: render(statement) for name, statement in found.items()}
    for name, (operation, _) in OPERATIONS.items():
        with offline() as (op, sent):
            operation(op)
        texts |= {f"migration, {name}, {number}": text for number, text in enumerate(sent)}
    return texts


def test_a_grammar_of_redshift_takes_every_text() -> None:
    """A judge that has not read this package: sqlfluff's grammar. It cannot tell what the words do."""
    sqlfluff = pytest.importorskip("sqlfluff.core", reason="the grammar of Redshift is not installed")
    linter = sqlfluff.Linter(dialect="redshift")
    refused = {
        name: [str(violation.desc()) for violation in parsed.violations]
        for name, text in statements().items()
        if (parsed := linter.parse_string(f"{text};\n")).violations
    }
    assert refused == {}
    # Control: it does reject something.
    assert linter.parse_string("COPY t FROM STDIN;\n").violations
