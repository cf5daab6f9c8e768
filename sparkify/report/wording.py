"""Formats numbers, shares and dates for the page."""

from __future__ import annotations

from datetime import date

__all__ = [
    "WEEKDAYS",
    "compact",
    "counted",
    "day",
    "days",
    "decimal",
    "exact_percent",
    "number",
    "percent",
    "signed_percent",
    "week",
]

WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MINUS = "\N{MINUS SIGN}"
_DASH = "\N{EN DASH}"


def number(value: float) -> str:
    """``6,820``."""
    return f"{value:,.0f}".replace("-", MINUS)


def decimal(value: float) -> str:
    """With one decimal only if it is significant: ``8.9``, ``28``, ``1,204``."""
    return number(value) if abs(value) >= 100 or value == int(value) else f"{value:.1f}".replace("-", MINUS)


def compact(value: float) -> str:
    """At most four characters: ``0.3``, ``28``, ``950``, ``1.2k``, ``11k``."""
    if value < 9.95:
        return "0" if value == 0 else f"{value:.1f}"
    for size, unit in ((1, ""), (1e3, "k"), (1e6, "M"), (1e9, "G")):
        if value < 999.5 * size:
            return f"{value / size:.1f}{unit}" if unit and value < 9.95 * size else f"{value / size:.0f}{unit}"
    return f"{value / 1e9:.0f}G"


def percent(share: float | None) -> str:
    """``82%``; with one decimal below ten percent, and never 0% or 100% unless it is exactly that."""
    if share is None:
        return _DASH
    hundredths = share * 100
    if 0 < hundredths < 0.1:
        return "under 0.1%"
    if 99.5 <= hundredths < 100:
        return "over 99%"
    return f"{hundredths:.1f}%" if 0 < hundredths < 10 else f"{hundredths:.0f}%"


def exact_percent(share: float) -> str:
    """Always with one decimal, for shares whose difference is shown: ``85.9%``."""
    return f"{100 * share:.1f}%"


def signed_percent(change: float) -> str:
    """With its sign, where the minus is as wide as the plus: ``+12%``; or ``no change``."""
    hundredths = change * 100
    text = f"{abs(hundredths):,.0f}%" if abs(hundredths) >= 9.95 else f"{abs(hundredths):.1f}%"
    return "no change" if abs(hundredths) < 0.05 else f"{'+' if change > 0 else MINUS}{text}"


def grown(growth: float) -> str:
    """``+33%``, or ``8.0 times`` for growth of at least double."""
    return signed_percent(growth) if growth < 1 else f"{decimal(growth + 1)} times"


def counted(value: int, what: str, plural: str | None = None) -> str:
    """``1 play``, ``6,820 plays``."""
    return f"{number(value)} {what if value == 1 else plural or f'{what}s'}"


def day(value: date, *, year: bool = False) -> str:
    """``5 Nov``, ``5 Nov 2018``."""
    # Not strftime: its month names depend on the locale of the process.
    text = f"{value.day} {_MONTHS[value.month - 1]}"
    return f"{text} {value.year}" if year else text


def days(first: date, last: date, *, year: bool = True) -> str:
    """``5 Nov 2018``, ``1\N{EN DASH}30 Nov 2018``, ``24 Nov \N{EN DASH} 3 Dec 2018``."""
    if first == last:
        return day(last, year=year)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}{_DASH}{day(last, year=year)}"
    return f"{day(first, year=year and first.year != last.year)} {_DASH} {day(last, year=year)}"


def week(monday: date) -> str:
    """``week of 5 Nov``."""
    return f"week of {day(monday)}"
