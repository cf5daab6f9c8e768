"""What a disk may hold after a power loss: synced and unsynced data, and names without a sync of the folder."""

from __future__ import annotations

import random
from pathlib import Path

from tests.support.write_log import Disk, Operation, everything, nothing, some


def disk(folder: Path) -> tuple[Disk, int]:
    """A folder with one file, ``a``, that holds ``old``; and its inode."""
    (folder / "a").write_bytes(b"old")
    return Disk(folder), (folder / "a").stat().st_ino


def operation(folder: Path, kind: str, name: str, *, inode: int = 0, **rest: object) -> Operation:
    whole = {"other": "", "offset": 0, "data": b"", **rest}
    return Operation(kind=kind, path=str(folder / name), inode=inode, **whole)  # type: ignore[arg-type]


def test_write_without_sync_may_be_lost_and_one_with_it_is_not(tmp_path: Path) -> None:
    found, inode = disk(tmp_path)
    found.apply(operation(tmp_path, "w", "a", inode=inode, data=b"NEW!"))
    assert found.files(0, nothing) == {"a": b"old"}
    assert found.files(0, everything) == {"a": b"NEW!"}
    found.apply(operation(tmp_path, "s", "a", inode=inode))
    found.apply(operation(tmp_path, "t", "a", inode=inode, offset=1))
    assert found.files(0, nothing) == {"a": b"NEW!"}
    assert found.files(0, everything) == {"a": b"N"}


def test_name_without_sync_of_the_folder_may_be_lost(tmp_path: Path) -> None:
    found, _ = disk(tmp_path)
    found.apply(operation(tmp_path, "c", "b", inode=1))
    found.apply(operation(tmp_path, "w", "b", inode=1, data=b"x"))
    found.apply(operation(tmp_path, "s", "b", inode=1))
    found.apply(operation(tmp_path, "r", "b", other=str(tmp_path / "a")))
    assert [found.files(names, nothing) for names in range(3)] == [
        {"a": b"old"},
        {"a": b"old", "b": b"x"},
        {"a": b"x"},
    ]
    found.apply(Operation("s", str(tmp_path), "", 0, 0, b""))
    assert (found.unsynced_names, found.files(0, nothing)) == (0, {"a": b"x"})


def test_write_is_torn_at_sectors(tmp_path: Path) -> None:
    found, inode = disk(tmp_path)
    found.apply(operation(tmp_path, "w", "a", inode=inode, data=b"1" * 512 + b"2" * 512 + b"3" * 10))
    seen = {found.files(0, some(random.Random(seed), 0.5))["a"] for seed in range(200)}
    # Each sector is written or not; a missing one has its old content, or nothing.
    assert {content[:3] for content in seen} == {b"old", b"111", b"\0\0\0"} - {b"\0\0\0"}
    assert {content[512:513] for content in seen} == {b"", b"2", b"\0"}
    assert len(seen) == 8
