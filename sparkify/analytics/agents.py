"""The platform and the browser that a user agent names: families, recognized by the words each one uses."""

from __future__ import annotations

from sqlalchemy import ColumnElement, SQLColumnExpression, case, or_

__all__ = ["browser", "platform"]

_PLATFORMS = (
    ("Windows Phone", ("Windows Phone",)),
    ("iPhone", ("iPhone", "iPod")),
    ("iPad", ("iPad",)),
    ("Android", ("Android",)),
    ("Windows", ("Windows",)),
    ("Mac", ("Macintosh",)),
    ("ChromeOS", ("CrOS",)),
    ("Linux", ("Linux",)),
)
"""The first match wins: Android agents also name Linux, and Windows Phones name Android, iPhone, or both."""

_BROWSERS = (
    ("Edge", ("Edg/", "Edge/", "EdgA/", "EdgiOS/")),
    ("Opera", ("OPR/", "Opera")),
    ("Firefox", ("Firefox/", "FxiOS/")),
    ("Chrome", ("Chrome/", "CriOS/", "Chromium/")),
    ("Internet Explorer", ("MSIE ", "Trident/")),
    ("Safari", ("Safari/",)),
)
"""The first match wins: nearly all agents name Safari, and most of those Chrome."""


def platform(agent: SQLColumnExpression[str | None]) -> ColumnElement[str | None]:
    """``Windows``, ``Mac``, ``iPhone`` and so on, or ``other``; NULL if the agent is NULL or empty."""
    return _family(agent, _PLATFORMS)


def browser(agent: SQLColumnExpression[str | None]) -> ColumnElement[str | None]:
    """``Chrome``, ``Safari``, ``Firefox`` and so on, or ``other``; NULL if the agent is NULL or empty."""
    return _family(agent, _BROWSERS)


def _family(
    agent: SQLColumnExpression[str | None], families: tuple[tuple[str, tuple[str, ...]], ...]
) -> ColumnElement[str | None]:
    # LIKE is case-sensitive on both databases.
    named = [(or_(*(agent.like(f"%{word}%") for word in words)), family) for family, words in families]
    found: ColumnElement[str | None] = case(*named, (agent != "", "other"))
    return found
