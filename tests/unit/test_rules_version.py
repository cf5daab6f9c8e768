"""The version of the rules, and the SQL that belongs to it."""

from __future__ import annotations

import re
from hashlib import sha256

from sqlalchemy import BigInteger, literal

from sparkify.databases import database_type
from sparkify.models.match import RULES_VERSION
from sparkify.pipeline import SPARKIFY

TEXTS = {8: "4612825789ce374a"}
"""By version, the beginning of the SHA-256 of the SELECTs of all transforms."""


def test_rules_version_changes_with_the_selects_of_the_transforms() -> None:
    """Whoever changes a SELECT decides: either it makes other rows, and RULES_VERSION is raised and has its
    line here; or it makes the same rows, which parity shows, and the line is replaced.
    """
    render = database_type("redshift").render
    texts = [render(transform.rows(literal(0, BigInteger))) for transform in SPARKIFY.transforms]
    # SQLAlchemy numbers anonymous names by the addresses of objects, which may be reused.
    plain = re.sub(r"_+\d+\b", "", "\n".join(texts))
    assert {RULES_VERSION: sha256(plain.encode()).hexdigest()[:16]} == TEXTS


def test_pipeline_has_the_version_of_the_rules() -> None:
    assert SPARKIFY.rules_version == RULES_VERSION
