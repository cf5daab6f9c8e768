"""What COPY is pointed at: the manifest and the JSONPaths file of a load, or a prefix."""

from __future__ import annotations

from dataclasses import dataclass

from sparkify.etl.declarations import Source
from sparkify.etl.errors import ConfigurationError
from sparkify.etl.jsonpaths import is_needed

__all__ = ["ObjectNames", "as_folder"]


@dataclass(frozen=True)
class ObjectNames:
    """The uris of the objects that a load writes for COPY.

    :ivar prefix: where they may be written; None where nothing may.
    :ivar load: parts those of one load from those of another.
    """

    prefix: str | None
    load: str

    def manifest(self, source: Source, *, gzip: bool = False) -> str | None:
        """The list of the files to read; None where none can be written."""
        return self._uri(f"{source.name}{'-gz' if gzip else ''}.manifest")

    def jsonpaths(self, source: Source) -> str | None:
        """The JSONPaths file that is to be written for the source; None where it can do without.

        :raises ConfigurationError: when it cannot, and none can be written.
        """
        if not is_needed(source):
            return None
        uri = self._uri(f"{source.name}.jsonpaths.json")
        if uri is None:
            setting = source.location.jsonpaths
            given = f"{setting.upper()}, or " if setting else ""
            raise ConfigurationError(
                "the keys of the files are not the names of the columns, so COPY needs a JSONPaths file",
                where=source.name,
                hint=f"Give {given}a MANIFEST_PREFIX where one may be written.",
            )
        return uri

    def _uri(self, name: str) -> str | None:
        return None if self.prefix is None else f"{self.prefix.rstrip('/')}/{self.load}/{name}"


def as_folder(uri: str) -> str:
    """A prefix that is a folder by its slash: without it COPY would read log_data2/ as well as log_data/."""
    return f"{uri.rstrip('/')}/"
