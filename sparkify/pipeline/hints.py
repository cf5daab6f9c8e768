"""What to do about rows that a check finds."""

from __future__ import annotations

from typing import Final

__all__ = ["REBUILD"]

REBUILD: Final = "Rebuild the star from all files. Run: sparkify-etl load --full-refresh"
"""The hint of every check of what a rebuild writes again; ``load_history`` it does not."""
