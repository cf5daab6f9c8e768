"""A stand-in for Amazon Redshift: what the driver connects to if no cluster is available. See README.md."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .faults import Fault
    from .history import Statement
    from .server import Standin

__all__ = ["Fault", "Standin", "Statement"]

_MODULES = {"Fault": ".faults", "Standin": ".server", "Statement": ".history"}


def __getattr__(name: str) -> Any:
    """Import a name on demand: the server takes a second to import, and a test may not use the fixtures."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name], __name__), name)
