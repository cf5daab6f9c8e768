"""Facts that only a running database can tell, as questions and answers."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Fact"]


@dataclass(frozen=True)
class Fact:
    """One question to a database, and its answer.

    :ivar answer: None if it did not answer.
    :ivar changes: what the answer changes for loading the database.
    :ivar problem: why there is no answer.
    """

    question: str
    answer: str | None
    changes: str
    problem: str = ""
