"""What sqlalchemy-redshift lacks: a repaired dialect, COPY and UNLOAD, ALTER of keys and encodings, Alembic,
connecting.

Usable without the rest of this project. Importing it does nothing: a name is fetched from its module when it
is first used, and only then are SQLAlchemy and sqlalchemy-redshift (which registers visitors of its own for
the dialect name ``redshift``) imported. It has to stay so: Alembic imports
``sparkify.redshift.alembic_plugin``, and this package with it, while Alembic itself is half imported.

``create_engine("redshift+sparkify://...")`` uses the dialect wherever the package is installed, without an
import. For the URLs of upstream, ``redshift+redshift_connector://``, call :func:`register` once, before engines
are created: without it they use upstream's dialect, whose DELETE may remove every row.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sparkify.redshift.connect import create_redshift_engine
    from sparkify.redshift.copy import Copy, CopyError
    from sparkify.redshift.credentials import ConnectError, Endpoint, Iam, Password, Secret
    from sparkify.redshift.ddl import AlterDistKey, AlterDistStyle, AlterEncode, AlterSortKey, SetSearchPath
    from sparkify.redshift.dialect import RedshiftDialect, render
    from sparkify.redshift.grants import Grantee, GrantSchema, GrantSelect, parse_grantees
    from sparkify.redshift.keys import foreign_key, primary_key
    from sparkify.redshift.registration import register
    from sparkify.redshift.s3 import S3CommandError
    from sparkify.redshift.unload import Unload, UnloadError

__all__ = [
    "AlterDistKey",
    "AlterDistStyle",
    "AlterEncode",
    "AlterSortKey",
    "ConnectError",
    "Copy",
    "CopyError",
    "Endpoint",
    "GrantSchema",
    "GrantSelect",
    "Grantee",
    "Iam",
    "Password",
    "RedshiftDialect",
    "S3CommandError",
    "Secret",
    "SetSearchPath",
    "Unload",
    "UnloadError",
    "create_redshift_engine",
    "foreign_key",
    "parse_grantees",
    "primary_key",
    "register",
    "render",
]

_HOMES = {
    "connect": ("create_redshift_engine",),
    "copy": ("Copy", "CopyError"),
    "credentials": ("ConnectError", "Endpoint", "Iam", "Password", "Secret"),
    "ddl": ("AlterDistKey", "AlterDistStyle", "AlterEncode", "AlterSortKey", "SetSearchPath"),
    "dialect": ("RedshiftDialect", "render"),
    "grants": ("GrantSchema", "GrantSelect", "Grantee", "parse_grantees"),
    "keys": ("foreign_key", "primary_key"),
    "registration": ("register",),
    "s3": ("S3CommandError",),
    "unload": ("Unload", "UnloadError"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
