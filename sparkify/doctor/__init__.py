"""Look whether everything is in place for a load: each finding says what is wrong, and what to run.

It reads, and changes nothing. What depends on something that failed is skipped, with the reason.
"""

from __future__ import annotations

import stat

from sparkify.config.checks import readable_by_others, unknown_options
from sparkify.config.dwhcfg import config_file
from sparkify.config.settings import Settings
from sparkify.databases.base import Database
from sparkify.doctor.findings import Book, Finding, Problem
from sparkify.pipeline import SPARKIFY

__all__ = ["Finding", "examine"]


def examine(database: str | None = None) -> tuple[Finding, ...]:
    """What every check finds, in the order in which to mend things. Read-only.

    :param database: the URL of the warehouse, instead of the one in the settings.
    """
    book = Book()
    settings = _settings(book, database)
    if settings is None:
        return tuple(book.findings)
    from sparkify.provision.account import secrets_of

    book.secrets = secrets_of(settings)
    _configuration_file(book)
    if not _database(settings).is_embedded:
        _server(book, settings)
    else:
        from sparkify.doctor.embedded import Embedded

        Embedded(book, settings).examine()
    return tuple(book.findings)


def _database(settings: Settings) -> Database:
    from sparkify.databases import open_database

    return open_database(settings.url, settings, SPARKIFY.sources)


def _server(book: Book, settings: Settings) -> None:
    from sparkify.doctor.aws import AwsChecks
    from sparkify.doctor.connection import ConnectionChecks
    from sparkify.redshift import Endpoint

    AwsChecks(book, settings, Endpoint.of(str(settings.url.host or ""))).examine()
    ConnectionChecks(book, settings).examine()


def _settings(book: Book, database: str | None) -> Settings | None:
    loaded: list[Settings] = []

    def look() -> str:
        settings = Settings.load(SPARKIFY.sources, database_url=database)
        loaded.append(settings)
        found = _database(settings)
        found.create_engine().dispose()
        where = f"read from {config_file()}" if config_file().exists() else f"no {config_file()}: the defaults"
        if not found.is_embedded:
            return f"{where}; the warehouse is {found.title} at {settings.url.host}"
        return f"{where}; the warehouse is {settings.url.render_as_string(hide_password=True)}"

    book.check("configuration", look, failing=2)
    return loaded[0] if book.findings[-1].status == "ok" else None


def _configuration_file(book: Book) -> None:
    path = config_file()
    if not path.exists():
        return

    def mode() -> str:
        if readable_by_others():
            raise Problem(f"{path} holds a secret and others may read it", f"chmod 600 {path}")
        return f"{stat.S_IMODE(path.stat().st_mode):04o}"

    def options() -> str:
        if unknown := unknown_options(SPARKIFY.sources):
            raise Problem("; ".join(unknown), f"correct the names in {path}; see sparkify-etl config --init")
        return "every option is known"

    book.check("file mode", mode)
    book.check("options", options)
