"""Loads for which the disk has no space, or no permission: one line that says so, the right code, nothing lost.

The small disks are mounted in a namespace of the command, which takes them with it when it ends.
"""

from __future__ import annotations

import errno
import gzip
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sparkify import Warehouse
from sparkify.etl.scratch import scratch_folder, sweep
from tests.support.data import Data, rows
from tests.support.making import event

COMMAND = f"{shlex.quote(sys.executable)} -m sparkify"


def in_namespace(script: str) -> list[str]:
    """A command that runs a script where it may mount, whoever runs it."""
    unshare = (
        ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    )
    return [*unshare, "sh", "-c", script]


def may_mount() -> bool:
    """Whether this machine lets its users do that."""
    if shutil.which("unshare") is None:
        return False
    tried = subprocess.run(in_namespace("mount -t tmpfs none /mnt"), capture_output=True, check=False)
    return tried.returncode == 0


needs_mount = pytest.mark.skipif(not may_mount(), reason="this machine lets its users mount nothing (unshare)")


def run(script: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        in_namespace(script),
        cwd=folder,
        env={**os.environ, "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def errors(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The lines of a command that are no progress."""
    assert "Traceback" not in done.stderr
    assert "not expected" not in done.stderr
    return [line for line in done.stderr.splitlines() if not line.startswith(("Loading", "reading"))]


@needs_mount
def test_load_into_full_disk_can_be_repeated(data: Data, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    data.log("a.json", *(event(sessionId=number, song=f"Song {number}") for number in range(50)))
    load = f"{COMMAND} load --database duckdb:///{disk}/x.duckdb --log-data {data.logs} --only events"
    steps = (
        f"mount -t tmpfs -o size=9m tmpfs {disk} || exit",
        f"{COMMAND} migrate --database duckdb:///{disk}/x.duckdb",
        # The tables are there, and no space for rows.
        f"dd if=/dev/zero of={disk}/ballast bs=4096 2>/dev/null",
        f"{load}; echo first $?; rm {disk}/ballast; {load}; echo second $?",
        f"cp {disk}/x.duckdb {tmp_path}",
    )
    done = run("\n".join(steps), tmp_path)
    assert [line for line in done.stdout.splitlines() if line.startswith(("first", "second"))] == [
        "first 75",
        "second 0",
    ], done.stderr
    (told,) = [line for line in errors(done) if line.startswith("error")]
    assert f"{disk}/x.duckdb" in told
    assert "no space is left on the disk (0 bytes are free); nothing was changed" in told
    with Warehouse(f"duckdb:///{tmp_path}/x.duckdb") as warehouse:
        assert rows(warehouse, "SELECT count(*) FROM songplays") == [(50,)]
        assert rows(warehouse, "SELECT count(*) FROM load_history") == [(1,)]


@needs_mount
def test_full_folder_for_temporary_files_is_named(data: Data, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    # A megabyte of which little is left by gzip, which is fetched apart.
    line = event(userAgent="x" * 1000)
    path = data.log("a.json", *(line | {"sessionId": number} for number in range(1000)))
    path.with_suffix(".json.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    load = f"{COMMAND} load --database duckdb:///{tmp_path}/x.duckdb --log-data {data.logs} --only events"
    done = run(
        f"mount -t tmpfs -o size=500k tmpfs {disk} && {load}; echo $?; ls {disk}", tmp_path, TMPDIR=str(disk)
    )
    # Nothing is left there.
    assert done.stdout.splitlines() == ["75"], done.stderr
    (told,) = errors(done)
    assert told.startswith(f"error: {disk}/")
    assert "no space is left on the disk (" in told
    assert "bytes of this load were written there, 0 bytes are free); nothing was changed." in told
    assert told.endswith("Free some, or name another folder by TMPDIR.")


@needs_mount
@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("sql 'SELECT * FROM range(100000)' --database {database} -o", "x.csv"),
        ("report --database {database} -o", "x.html"),
        ("generate", "made"),
    ],
)
def test_full_disk_of_an_output_is_temporary(
    command: str, name: str, warehouse: Warehouse, data: Data, tmp_path: Path
) -> None:
    data.log("a.json", event())
    warehouse.load(log_data=data.logs, only=["events"])
    warehouse.close()
    disk = tmp_path / "disk"
    disk.mkdir()
    asked = f"{COMMAND} {command.format(database=warehouse.url)} {disk / name}"
    done = run(f"mount -t tmpfs -o size=40k tmpfs {disk} && {asked}; echo $?; ls -A {disk}", tmp_path)
    # Nothing is left there.
    assert done.stdout.splitlines() == ["75"], done.stderr
    (told,) = errors(done)
    assert told.startswith(f"error: {disk / name}: no space is left on the disk (")
    assert told.endswith(" bytes are free). Free some, or write elsewhere.")


@needs_mount
def test_read_only_disk_is_named(data: Data, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    data.log("a.json", event())
    load = f"{COMMAND} load --database duckdb:///{disk}/x.duckdb --log-data {data.logs} --only events"
    done = run(f"mount -t tmpfs -o ro tmpfs {disk} && {load}; echo $?", tmp_path)
    assert done.stdout.splitlines() == ["2"], done.stderr
    warning, told = errors(done)
    assert warning.startswith(f"warning: {disk}/x.duckdb.history.jsonl: the history cannot be written: ")
    assert told.startswith(f"error: {disk}/x.duckdb: cannot be created: ")
    assert "ead-only file system" in told


def test_limit_on_the_size_of_files_is_named(data: Data, tmp_path: Path) -> None:
    line = event(userAgent="x" * 1000)
    for number in range(2):
        data.log(f"{number}.json", *(line | {"sessionId": item} for item in range(2000)))
    load = f"{COMMAND} load --database duckdb:///{tmp_path}/x.duckdb --log-data {data.logs} --only events"
    done = subprocess.run(
        # Blocks of 512 bytes in sh, of 1,024 in bash: less than the two files joined, more than the tables.
        ["bash", "-c", f"{COMMAND} migrate --database duckdb:///{tmp_path}/x.duckdb; ulimit -f 3900; {load}"],
        cwd=tmp_path,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    (told,) = errors(done)
    assert "a file has grown as large as it may; nothing was changed. Raise the limit (ulimit -f)." in told


def test_folder_of_killed_load_is_swept_and_that_of_a_live_one_is_not(tmp_path: Path) -> None:
    script = (
        "from sparkify.etl.scratch import scratch_folder\n"
        "with scratch_folder() as folder:\n"
        "    (folder / 'left').write_text('x')\n"
        "    print(folder, flush=True)\n"
        "    input()\n"
    )

    def start() -> tuple[subprocess.Popen[str], Path]:
        process = subprocess.Popen(
            [sys.executable, "-c", script],
            env={**os.environ, "TMPDIR": str(tmp_path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        return process, Path(process.stdout.readline().strip())

    killed, left = start()
    alive, used = start()
    with killed, alive:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert (left / "left").exists()
        # One that has no lock yet is being made, and one of another name is another's.
        for name in ("sparkify-load-new", "sparkify-other"):
            (tmp_path / name).mkdir()
        sweep(tmp_path)
        assert not left.exists()
        assert (used / "left").exists()
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
            ["sparkify-load-new", "sparkify-other", used.parent.name]
        )
        alive.communicate("\n")
    assert not used.exists()


def test_load_sweeps_what_others_left(data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left = tmp_path / "sparkify-load-dead"
    left.mkdir()
    (left / "lock").touch()
    data.log("a.json", event())
    with Warehouse(f"duckdb:///{tmp_path}/x.duckdb") as warehouse:
        warehouse.load(log_data=data.logs, only=["events"])
    assert not left.exists()
    with scratch_folder() as folder:
        assert list(folder.iterdir()) == []
        sweep(tmp_path)
        assert folder.exists()


def test_folder_that_cannot_be_removed_is_left_for_a_later_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A load that was committed would have ended with 1: OSError: Input/output error: 'lock'."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error", "lock")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with monkeypatch.context() as failing:
        with scratch_folder() as folder:
            (folder / "left").write_text("x")
            failing.setattr(os, "unlink", fail)
        assert folder.exists()
    with scratch_folder():
        assert not folder.exists()
