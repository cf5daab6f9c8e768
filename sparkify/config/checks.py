"""What a ``dwh.cfg`` should not have: options that are no setting, and secrets that others may read."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path

from sparkify.config.dwhcfg import config_file, read_values
from sparkify.config.fields import extra_of
from sparkify.config.settings import Settings
from sparkify.etl.declarations import Source
from sparkify.etl.suggestions import closest

__all__ = ["readable_by_others", "unknown_options"]


def unknown_options(sources: Sequence[Source] = (), path: Path | None = None) -> list[str]:
    """The options in the file that are no setting, of these sources neither; each with the likely name."""
    known: dict[tuple[str, str], str] = {}
    for info in Settings.with_sources(sources).model_fields.values():
        extra = extra_of(info)
        known |= {(extra["section"].upper(), option.lower()): option for option in extra["options"]}
    found = []
    for section, option in read_values(path or config_file()):
        if (section, option) in known:
            continue
        near = closest(option.upper(), known.values())
        meant = f"; did you mean {near}?" if near else ""
        found.append(f"[{section}] {option.upper()} is not a setting{meant}")
    return found


def readable_by_others(path: Path | None = None) -> bool:
    """Whether the file holds a secret and others than its owner may read it."""
    path = path or config_file()
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    if not mode & (stat.S_IRWXG | stat.S_IRWXO):
        return False
    values = read_values(path)
    return any(
        values.get((extra["section"], option.lower()))
        for extra in map(extra_of, Settings.model_fields.values())
        if extra["secret"]
        for option in extra["options"]
    )
