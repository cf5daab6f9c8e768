"""Paths of this clone, and of the real data that may lie beside it."""

from __future__ import annotations

from pathlib import Path

CLONE = Path(__file__).resolve().parents[2]
REAL = (CLONE.parent / "shared" / "data").resolve()
