"""The page that answers the analysts' questions: one self-contained HTML file.

:func:`build` does everything; :func:`collect` asks the questions and :func:`render` makes the page.
It needs the extra ``report``.
"""

from __future__ import annotations

from sparkify.report.asking import collect
from sparkify.report.facts import Facts
from sparkify.report.page import build, render

__all__ = ["Facts", "build", "collect", "render"]
