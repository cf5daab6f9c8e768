"""What to do about rows that a check finds."""

from __future__ import annotations

from typing import Final

__all__ = ["REBUILD", "REJECT"]

REBUILD: Final = "Rebuild the star from all files. Run: sparkify-etl load --full-refresh"
"""The hint of every check of what a rebuild writes again; ``load_history`` it does not."""

REJECT: Final = "Rebuild the star without them. Run: sparkify-etl load --full-refresh --max-rejects N"
"""The hint of the checks of what a load rejects now, and earlier versions did not."""
