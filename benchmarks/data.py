"""The files to load: generated once for each size, and kept in the work folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.environments import ROOT, Environment

__all__ = ["DataSet", "generated"]


@dataclass(frozen=True)
class DataSet:
    """Logs and songs in a folder."""

    folder: Path

    @property
    def logs(self) -> Path:
        """The folder of the event logs, one file per day."""
        return self.folder / "log_data"

    @property
    def songs(self) -> Path:
        """The folder of the song metadata, one file per song."""
        return self.folder / "song_data"

    @property
    def log_files(self) -> list[Path]:
        """The log files, ordered by day."""
        return sorted(path for path in self.logs.rglob("*") if path.is_file())

    def warm(self) -> None:
        """Read every file once, so that none is measured cold."""
        for folder in (self.logs, self.songs):
            for path in folder.rglob("*"):
                if path.is_file():
                    with path.open("rb", buffering=0) as file:
                        while file.read(1 << 20):
                            pass


def generated(
    work: Path, *, events: int, songs: int, days: int = 30, gzip: bool = False, by: Environment
) -> DataSet:
    """The data of this size, from ``sparkify-etl generate``; an existing data set is reused."""
    folder = work / "data" / f"{events}-events-{songs}-songs-{days}-days{'-gz' * gzip}"
    if not folder.exists():
        print(f"generating {events:,} events and {songs:,} songs ...", file=sys.stderr, flush=True)
        unfinished = folder.with_name(f"{folder.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        command = [str(by.python), "-m", "sparkify", "generate", "--quiet", str(unfinished)]
        command += ["--events", str(events), "--songs", str(songs), "--days", str(days)]
        command += ["--gzip"] * gzip
        subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        unfinished.rename(folder)
    return DataSet(folder)
