"""The ``redshift_*`` options of models, known to SQLAlchemy without the dialect.

SQLAlchemy asks the dialect for the names of its options when the first model uses one, and would import
sqlalchemy-redshift for that, with Alembic and PostgreSQL's drivers: most of the startup time of a program that
connects to another database. Once this module is imported, SQLAlchemy asks it instead.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, ClassVar, Final

import sqlalchemy as sa
from sqlalchemy.dialects import registry
from sqlalchemy.engine import URL, Dialect, Engine

__all__ = ["OPTIONS", "RedshiftOptions"]

#: Options of our own, beyond upstream's: class -> name -> default.
OPTIONS: Final[dict[type[sa.Table], dict[str, Any]]] = {
    sa.Table: {"encode": None, "backup": None},
}


class RedshiftOptions:
    """Takes the place of the dialect named ``redshift`` until one is created from a URL."""

    construct_arguments: ClassVar[Sequence[tuple[type[Any], dict[str, Any]]]] = (
        (sa.Index, {"using": False, "where": None, "ops": {}}),
        (
            sa.Table,
            {
                "ignore_search_path": False,
                "diststyle": None,
                "distkey": None,
                "sortkey": None,
                "interleaved_sortkey": None,
                **OPTIONS[sa.Table],
            },
        ),
        (sa.Column, {"encode": None, "distkey": None, "sortkey": None, "identity": None}),
    )

    @classmethod
    def get_dialect_cls(cls, url: URL) -> type[Dialect]:
        """Upstream's dialect, as without this module; importing it registers it in place of this class."""
        from sqlalchemy_redshift.dialect import RedshiftDialect_psycopg2

        found: type[Dialect] = RedshiftDialect_psycopg2
        return found

    @classmethod
    def engine_created(cls, engine: Engine) -> None:
        """Do nothing: SQLAlchemy calls this on the class that it asked for the dialect."""


# Not needed if upstream itself or the dialect of this package came first: it knows the options.
if "redshift" not in registry.impls and "sqlalchemy_redshift" not in sys.modules:
    registry.register("redshift", __name__, RedshiftOptions.__name__)
