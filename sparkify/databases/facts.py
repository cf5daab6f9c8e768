"""What only a running database can tell, as answers to questions."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Fact"]


@dataclass(frozen=True)
class Fact:
    """One question to a database, and what it answered.

    :ivar answer: None where it did not answer.
    :ivar changes: what the answer changes for whoever loads it.
    :ivar problem: why there is no answer.
    """

    question: str
    answer: str | None
    changes: str
    problem: str = ""
