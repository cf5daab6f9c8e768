"""Files that expand to many times their size: rejected before they fill memory or disk, or allowed."""

from __future__ import annotations

import gzip
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from sparkify import SourceError, Warehouse
from sparkify.etl import spool as spooling
from sparkify.etl.lister import list_files
from sparkify.etl.listing import AwsOptions, SourceFile
from sparkify.etl.spool import spool
from tests.support.data import Data, rows
from tests.support.making import event

_MB = 1024 * 1024
_SIZE = 32 * _MB
"""What a bomb becomes; ``make bombs`` makes it 64 times as large."""


def _zeros(path: Path, size: int) -> None:
    _compress(path, bytes(_MB), size)


def _newlines(path: Path, size: int) -> None:
    _compress(path, b"\n" * _MB, size)


def _plays(path: Path, size: int) -> None:
    _compress(path, b'{"page":"NextSong","song":"A"}\n' * (_MB // 31), size)


def _members(path: Path, size: int) -> None:
    member = gzip.compress(b"\n" * _MB)
    path.write_bytes(member * (size // _MB))


def _compress(path: Path, part: bytes, size: int) -> None:
    packer = zlib.compressobj(6, wbits=31)
    with path.open("wb") as out:
        for _ in range(-(-size // len(part))):
            out.write(packer.compress(part))
        out.write(packer.flush())


_SPOOL = """
import resource, sys
from pathlib import Path
from sparkify.etl.errors import SourceError
from sparkify.etl.lister import list_files
from sparkify.etl.listing import AwsOptions, SourceFile
from sparkify.etl.spool import spool
import sparkify.etl.buckets
resource.setrlimit(resource.RLIMIT_AS, (512 << 20, 512 << 20))
try:
    print(len(list(spool(list_files(sys.argv[1]).files, Path(sys.argv[2]), AwsOptions()))))
except SourceError as error:
    print(error)
"""


def _spooled_in_a_child(source: Path, folder: Path) -> str:
    """What is said of the files by a process that has 512 MB, all that it maps included."""
    folder.mkdir()
    child = subprocess.run(
        [sys.executable, "-c", _SPOOL, str(source), str(folder)], capture_output=True, text=True, check=True
    )
    return child.stdout.strip()


@pytest.mark.parametrize("make", [_zeros, _newlines, _plays, _members])
@pytest.mark.parametrize("joined", [True, False])
def test_bomb_is_refused_before_it_fills_memory_or_disk(
    make: Callable[[Path, int], None], joined: bool, tmp_path: Path, scale: int
) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    make(source / "a.json.gz", _SIZE * scale)
    if not joined:
        # At a stored size of 4 MiB it is not joined with others. The bytes after the bomb are never reached.
        with (source / "a.json.gz").open("ab") as rest:
            rest.truncate(max(rest.tell(), 4 * _MB))
    said = _spooled_in_a_child(source, out)
    assert said.startswith(f"{source}/a.json.gz: its first ")
    assert said.endswith("If it is meant to, give MAX_UNPACKED, what any file may become, such as 2GB.")
    assert sum(path.stat().st_size for path in out.iterdir()) <= 17 * _MB


def test_line_without_end_is_refused_where_it_lies(tmp_path: Path, scale: int) -> None:
    source = tmp_path / "in"
    source.mkdir()
    with (source / "a.json").open("wb") as hole:
        hole.write(b"{}\n")
        hole.truncate(4 * _SIZE * scale)
    said = _spooled_in_a_child(source, tmp_path / "out")
    assert said.startswith(f"{source}/a.json: line 2 has more than 67,108,864 bytes. Write one object on each")


def test_line_without_end_in_gzip_is_refused(tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    out.mkdir()
    _zeros(source / "a.json.gz", 80 * _MB)
    with pytest.raises(SourceError, match="line 1 has more than 67,108,864 bytes"):
        list(spool(list_files(str(source)).files, out, AwsOptions(max_unpacked=1 << 40)))


def test_empty_members_are_read_over(tmp_path: Path) -> None:
    """50,000 of them, which took as many copies of the rest of the file."""
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    out.mkdir()
    (source / "a.json.gz").write_bytes(gzip.compress(b"") * 50_000 + gzip.compress(b'{"a": 1}'))
    (file,) = spool(list_files(str(source)).files, out, AwsOptions())
    assert file.path.read_bytes() == b'{"a": 1}\n'


def test_file_of_few_kinds_of_lines_is_no_bomb(tmp_path: Path) -> None:
    """The control: 40 MiB, 100 times as large as they are stored."""
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    out.mkdir()
    lines = b"".join(b'{"ts": %d, "page": "NextSong", "song": "%s"}\n' % (n, b"A" * 400) for n in range(90_000))
    (source / "a.json.gz").write_bytes(gzip.compress(lines, 6))
    (file,) = spool(list_files(str(source)).files, out, AwsOptions())
    assert file.path.read_bytes() == lines


def test_load_of_a_bomb_changes_nothing_and_setting_allows_it(
    data: Data, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    line = data.log("a.json", event()).read_bytes()
    (data.logs / "b.json.gz").write_bytes(
        gzip.compress(line.replace(b'"itemInSession":0', b'"itemInSession":1') + b"\n" * 2 * _MB)
    )
    uri = f"duckdb:///{tmp_path}/bombs.duckdb"
    monkeypatch.setenv("SPARKIFY_MAX_UNPACKED", "1MB")
    with Warehouse(uri) as warehouse:
        with pytest.raises(SourceError, match=r"b\.json\.gz: .*MAX_UNPACKED") as refused:
            warehouse.load(log_data=data.logs, only=["events"])
        assert refused.value.where == str(data.logs / "b.json.gz")
    monkeypatch.setenv("SPARKIFY_MAX_UNPACKED", "4MB")
    with Warehouse(uri) as warehouse:
        warehouse.load(log_data=data.logs, only=["events"])
        assert rows(warehouse, "SELECT item_in_session FROM songplays ORDER BY 1") == [(0,), (1,)]


def test_windows_hold_as_many_bytes_as_fit_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spooling, "_WINDOW", 10)
    files = [SourceFile(str(size), size, "") for size in (4, 6, 1, 20, 2)]
    assert [[file.size for file in window] for window in spooling._windows(files)] == [[4, 6], [1], [20], [2]]
