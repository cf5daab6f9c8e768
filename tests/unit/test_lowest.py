"""The lower bounds of pyproject.toml as constraints: complete, without duplicates."""

from __future__ import annotations

import pytest

from tests.support.lowest import lowest


def test_lowest_versions_of_requirements() -> None:
    requirements = ["duckdb>=1.5.6,<2", "moto[server,s3]>=5.2,<6", "pyarrow>=18", "pyarrow>=18"]
    assert lowest(requirements) == ["duckdb==1.5.6", "moto==5.2", "pyarrow==18"]


@pytest.mark.parametrize("requirement", ["duckdb", "duckdb<2", "duckdb<2,>=1.5", "duckdb==1.5.6"])
def test_requirement_without_lower_bound_is_refused(requirement: str) -> None:
    with pytest.raises(ValueError, match="has no lower bound"):
        lowest([requirement])
