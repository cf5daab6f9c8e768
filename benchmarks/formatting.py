"""Readable results: a table in columns or in Markdown, and the machine they come from."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path

__all__ = ["machine", "table"]


def table(rows: Sequence[Sequence[str]], *, markdown: bool = False) -> str:
    """The rows in columns under the heads in the first row; columns of numbers are right-aligned.

    >>> print(table([["what", "s"], ["sparkify", "9.5"], ["by_hand", "10.1"]]))
    what         s
    sparkify   9.5
    by_hand   10.1
    >>> print(table([["what", "s"], ["sparkify", "9.5"]], markdown=True))
    | what | s |
    | --- | ---: |
    | sparkify | 9.5 |
    """
    head, *body = rows
    right = [all(_is_number(row[at]) for row in body) for at in range(len(head))]
    if markdown:
        lines = [head, ["---:" if each else "---" for each in right], *body]
        return "\n".join(f"| {' | '.join(row)} |" for row in lines)
    widths = [max(len(row[at]) for row in rows) for at in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in rows
    )


def _is_number(text: str) -> bool:
    return not text.strip("0123456789.,-x ")


def machine() -> dict[str, str]:
    """Processor, cores, memory, system, and the load average of the last minute."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "load": f"{os.getloadavg()[0]:.1f}",
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
