"""What is said of a database that this user may not read: a retry changes nothing."""

from __future__ import annotations

from pathlib import Path

from sparkify.etl.errors import UNCHANGED, ConfigurationError

__all__ = ["not_readable"]

_ALLOW = "or have its owner allow it (chmod, chown)."


def not_readable(file: Path) -> ConfigurationError:
    """The error of a file that this user may not read."""
    return ConfigurationError(
        "may not be read by this user",
        where=str(file),
        state=UNCHANGED,
        hint=f"Run this as its owner, {_ALLOW}",
    )
