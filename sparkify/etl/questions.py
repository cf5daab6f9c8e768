"""A question of analysts that can be asked by its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select

__all__ = ["Question"]


@dataclass(frozen=True)
class Question:
    """A question that can be asked by its name.

    :ivar name: as on the command line: the name of the function, with dashes.
    :ivar ask: the function.
    :ivar measure: the column that is the answer, for bars beside the rows.
    """

    name: str
    ask: Callable[..., Select[*tuple[Any, ...]]]
    measure: str
