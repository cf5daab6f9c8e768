"""From a URL to an engine and its adapter, and a new database file for DuckDB."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from sparkify.aws import aws_session
from sparkify.etl.errors import ConfigurationError

if TYPE_CHECKING:
    from sparkify.etl.adapters.base import Adapter
    from sparkify.settings import Settings

__all__ = ["database_file", "make_adapter", "make_engine", "prepare_file"]

_DUCKDB_CONFIG = {
    # Nothing is downloaded at run time: what is read and how is decided here, not by a file's name.
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}


def make_engine(url: URL, settings: Settings | None = None, *, read_only: bool = False) -> Engine:
    """An engine for the URL. Nothing is connected to.

    Parameters are hidden from the messages of errors, where they would end in logs.

    :param settings: Redshift alone: whose secret, and whose keys of AWS, give the login that the URL lacks.
    :param read_only: DuckDB alone: several processes may then have the file open.
    :raises ConfigurationError: for a database that is neither DuckDB nor Redshift.
    """
    backend = url.get_backend_name()
    options: dict[str, Any] = {"hide_parameters": True}
    if backend == "redshift":
        return _redshift_engine(url, settings)
    if backend == "duckdb":
        options["connect_args"] = {"config": dict(_DUCKDB_CONFIG), "read_only": read_only}
    else:
        raise ConfigurationError(
            f"{backend} is not a database that sparkify loads; give a URL that begins with duckdb:/// or "
            "redshift+redshift_connector://"
        )
    try:
        return create_engine(url, **options)
    except (ArgumentError, NoSuchModuleError) as exc:
        raise ConfigurationError(f"the database URL cannot be used: {exc}") from None


def _redshift_engine(url: URL, settings: Settings | None) -> Engine:
    """TLS with the name checked, and an error of one line when no connection can be made.

    Without a password in the URL and without a secret the credentials are temporary ones, by IAM.
    """
    from sparkify.redshift.connect import DEFAULT_PORT, create_redshift_engine
    from sparkify.redshift.credentials import Credentials, Iam, Password, Secret

    if not url.host or not url.database:
        raise ConfigurationError("the URL of a Redshift has a host and a database: ...@host:5439/dev")
    credentials: Credentials
    if url.username and url.password:
        credentials = Password(url.username, str(url.password))
    else:
        # Only here: most of the time there is a password, and boto3 takes a while to import.
        session = aws_session(settings) if settings and settings.aws_access_key_id else None
        secret_id = settings.db_secret_id if settings else None
        credentials = (
            Secret(secret_id, session=session) if secret_id else Iam(db_user=url.username, session=session)
        )
    return create_redshift_engine(
        url.host,
        url.database,
        credentials,
        port=url.port or DEFAULT_PORT,
        application_name="sparkify",
    )


def make_adapter(url: URL, settings: Settings) -> Adapter:
    """The adapter of the URL's database."""
    if url.get_backend_name() == "redshift":
        from sparkify.etl.adapters.redshift import RedshiftAdapter, RedshiftOptions

        jsonpaths = {"events": settings.log_jsonpath} if settings.log_jsonpath else {}
        return RedshiftAdapter(
            RedshiftOptions(
                iam_role=settings.iam_role_arn or "default",
                region=settings.region,
                jsonpaths=jsonpaths,
                manifest_prefix=settings.manifest_prefix,
            )
        )
    from sparkify.etl.adapters.duckdb import DuckDBAdapter

    return DuckDBAdapter()


def database_file(url: URL) -> Path | None:
    """The file of a DuckDB database; None for one in memory, and for every other database."""
    if url.get_backend_name() != "duckdb" or url.database in (None, "", ":memory:"):
        return None
    return Path(str(url.database))


def prepare_file(url: URL, fill: Callable[[URL], None] | None = None) -> bool:
    """Create the file of a DuckDB database where there is none. Returns whether it was created.

    DuckDB leaves a file that never opens again when it is killed at its first writes. So the file is made
    under another name, filled, and given its name when it is whole.

    :param fill: is called with the URL of the new file, before it gets its name.
    :raises ConfigurationError: when the folder is not there or cannot be written to.
    """
    path = database_file(url)
    if path is None or path.exists():
        return False
    if not path.parent.is_dir():
        raise ConfigurationError(f"{path.parent}: there is no such folder to make {path.name} in")
    _sweep(path)
    new = path.with_name(f".{path.name}.new-{os.getpid()}")
    import duckdb

    try:
        duckdb.connect(str(new), config=dict(_DUCKDB_CONFIG)).close()
        if fill is not None:
            fill(url.set(database=str(new)))
        _sync(new)
        # A link, unlike a rename, does not replace what another process may have made meanwhile.
        with suppress(FileExistsError):
            os.link(new, path)
            _sync(path.parent)
    except (duckdb.IOException, OSError) as exc:
        reason = str(exc).strip().splitlines()[0]
        raise ConfigurationError(f"{path}: cannot be created: {reason}") from exc
    finally:
        for left in (new, new.with_name(f"{new.name}.wal")):
            left.unlink(missing_ok=True)
    return True


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sweep(path: Path) -> None:
    """Remove what processes that were killed while they made this file have left."""
    for left in path.parent.glob(f".{path.name}.new-*"):
        pid = left.name.removesuffix(".wal").rpartition("-")[2]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            left.unlink(missing_ok=True)
