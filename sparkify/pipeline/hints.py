"""Remedies for rows that a check finds."""

from __future__ import annotations

from typing import Final

__all__ = ["REBUILD", "REJECT"]

REBUILD: Final = "Rebuild the star from all files. Run: sparkify-etl load --full-refresh"
"""The hint of every check of rows that a rebuild rewrites; it does not rewrite ``load_history``."""

REJECT: Final = "Rebuild the star without them. Run: sparkify-etl load --full-refresh --max-rejects N"
"""The hint of the checks for rows that loads now reject but earlier versions did not."""
