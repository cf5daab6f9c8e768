"""The files of one source in a load of Redshift, and what is known about them after each attempt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from sparkify.databases.redshift.accepted import Bundle
from sparkify.databases.redshift.finding import Faults
from sparkify.etl.declarations import Source
from sparkify.etl.errors import EmptySource, TemporaryError
from sparkify.etl.lister import list_files
from sparkify.etl.listing import AwsOptions, Listing, SourceFile
from sparkify.etl.spool import Segment, SpoolFile
from sparkify.etl.validation import Validated

__all__ = ["BatchFiles", "refuse_removed"]


@dataclass
class BatchFiles:
    """The files of one source, and the objects from which they are copied.

    A file is copied as it is, or as part of a pack, which has all lines of some files. Once lines that cannot
    be loaded are found in the file or its pack, it is copied as part of a bundle, which has accepted lines.

    :ivar lines: how many lines each validated file has, by uri.
    :ivar packs: files that were packed as they are, on this machine, by the uri of the object.
    :ivar bundles: accepted lines, by the uri of the object.
    :ivar packed: the uris of the files in either.
    :ivar seen: what was seen of the files that were read on this machine, by uri.
    :ivar is_sampled: whether some of the files that COPY reads were sampled.
    :ivar fetched: the bytes of the files that were packed as they are.
    :ivar read: how many lines COPY read, as far as it tells, by the uri of the object.
    :ivar faults: the faults of the objects that COPY loaded without an error; None if it failed.
    :ivar unclear: the uris of the objects for which COPY does not tell how much it read.
    """

    source: Source
    files: Sequence[SourceFile]
    listing: Listing
    lines: dict[str, int] = field(default_factory=dict)
    validated: Validated = field(default_factory=Validated)
    packs: dict[str, SpoolFile] = field(default_factory=dict)
    bundles: dict[str, Bundle] = field(default_factory=dict)
    packed: set[str] = field(default_factory=set)
    seen: dict[str, Segment] = field(default_factory=dict)
    is_sampled: bool = False
    fetched: int = 0
    read: Mapping[str, int] = field(default_factory=dict)
    faults: Faults | None = None
    unclear: set[str] = field(default_factory=set)

    @property
    def whole(self) -> list[SourceFile]:
        """The files that are copied as they are."""
        return [file for file in self.files if file.uri not in self.packed]

    @property
    def objects(self) -> list[str]:
        """The uris that COPY is to read."""
        return [*(file.uri for file in self.whole), *self.packs, *self.bundles]

    @property
    def unknown(self) -> list[SourceFile]:
        """Objects that may have lines that cannot be loaded: files that were not validated, and packs, each
        as a file.
        """
        packs = [SourceFile(uri, pack.path.stat().st_size, "") for uri, pack in self.packs.items()]
        return [*(file for file in self.whole if file.uri not in self.lines), *packs]

    def counted(self, read: Mapping[str, int]) -> dict[str, int]:
        """How many lines each file has, by uri, as far as that is known.

        :param read: how many lines COPY read of each object.
        """
        packed = {part.file.uri: part.lines for pack in self.packs.values() for part in pack.segments}
        return dict(read) | packed | self.lines

    def expected(self, read: Mapping[str, int]) -> int:
        """How many rows COPY must have loaded if every line can be loaded.

        :param read: how many lines COPY read of each object.
        """
        rows = sum(bundle.rows for bundle in self.bundles.values())
        rows += sum(pack.lines for pack in self.packs.values())
        for file in self.whole:
            known = self.lines.get(file.uri)
            rows += read.get(file.uri, 0) if known is None else known - self.validated.blank[file.uri]
        return rows

    @property
    def known(self) -> tuple[int, int, int]:
        """What grows from one attempt to the next. If COPY failed, files that were validated without rejects
        are no reason to try again.
        """
        lines = len(self.lines) if self.faults is not None else 0
        return lines, len(self.packed) - len(self.packs), len(self.validated.rejects)


def refuse_removed(files: Sequence[SourceFile], listing: Listing, aws: AwsOptions) -> None:
    """Check that the files are still there, after COPY did not find an object.

    :raises TemporaryError: when a new listing lacks one of them.
    """
    there = set[str]()
    with suppress(EmptySource):
        there = {file.uri for file in list_files(listing.uri, aws).files}
    if gone := [file.uri for file in files if file.uri not in there]:
        others = f", and {len(gone) - 1:,} more" if len(gone) > 1 else ""
        raise TemporaryError(f"was removed after it was listed{others}", where=gone[0])
