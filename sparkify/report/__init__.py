"""The page that answers the analysts' questions: one HTML file that asks nothing of any network.

:func:`build` is all of it in one call; :func:`collect` asks the questions and :func:`render` writes the page.
Needs the extra ``report``.
"""

from __future__ import annotations

from sparkify.report.facts import Facts, collect
from sparkify.report.page import build, render

__all__ = ["Facts", "build", "collect", "render"]
