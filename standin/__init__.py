"""A stand-in for Amazon Redshift: what the driver meets when no cluster can be reached. See README.md."""

from .faults import Fault
from .history import Statement
from .server import Standin

__all__ = ["Fault", "Standin", "Statement"]
