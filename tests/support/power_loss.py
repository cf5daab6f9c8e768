"""Simulate a power loss at any moment of DuckDB loads, then open, repair and load the files left on the disk.

    python -m tests.support.power_loss --states 1000 [--seed N]

Two further days and a full refresh are loaded while every write, sync, truncation and name change is recorded.
A state is what a disk may hold if the power fails after one of these operations: everything synced is there;
of unsynced data all, nothing, or some sectors of 512 bytes are there; and names created or removed since the
last sync of the folder may be lost. The library must open the database, at the latest after
``sparkify-etl doctor --repair``, and find the star after the last load that had ended, or after the one that
was running. The next load must produce the star of undisturbed loads. Prints one line of JSON, and exits with
1 on any violation.

It is a simulation: no real disk or file system loses power. ``--sabotage`` drops the syncs from the record, as
if the loader did not sync, and stops at the first state that detects it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from sparkify.generate import generate
from tests.support.io_faults import NAME, asked, command, import_all, load
from tests.support.io_shim import COUNT, Shim, require_shim
from tests.support.kills import fingerprint
from tests.support.write_log import Disk, Operation, read_log

_ENDED = "ended"


class PowerLoss:
    """The record of some loads, and the disk states that follow from it.

    :ivar stars: the initial star, and the star after each load.
    """

    def __init__(self, folder: Path, data: Path) -> None:
        self.folder = folder
        self.data = data
        self.stars: list[str] = []
        self.seen: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._known: set[bytes] = set()

    def record(self, shim: Shim, loads: list[Callable[[Path], dict[str, Any]]]) -> list[Operation]:
        """Run the loads. Returns their operations, with a mark after each load."""
        before, running, log = self.folder / "before", self.folder / "running", self.folder / "log"
        shutil.copytree(before, running)
        self.disk = Disk(running)
        self.stars = [star(before)["found"]]

        def recorded(action: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
            shim.record(log)
            shim.arm(running, COUNT)
            done = action(running)
            shim.mark(_ENDED)
            shim.disarm()
            return done

        for action in loads:
            done = asked(partial(recorded, action))
            if done["code"]:
                raise SystemExit(f"a load that nobody disturbed failed: {done['told']}")
            self.stars.append(star(running)["found"])
        outside = str(running / "tmp")
        return [one for one in read_log(log) if not one.path.startswith(outside)]

    def run(
        self, operations: list[Operation], chance: random.Random, states: int, *, until_wrong: bool
    ) -> None:
        """Check this many different states, spread as evenly as possible over the operations."""
        ended = 0
        for number in range(len(operations) + 1):
            each = max(round((states - self.seen["states"]) / (len(operations) + 1 - number) * 1.3), 2)
            # A load that has not ended may be lost: before the first one ends, nothing can be wrong.
            for state in self.disk.states(chance, each) if ended or not until_wrong else ():
                if self.seen["states"] >= states or (until_wrong and self.wrong):
                    return
                self._one(f"after {number} of {len(operations)} operations", state, ended)
            if number < len(operations):
                ended += operations[number].path == _ENDED and operations[number].kind == "m"
                self.disk.apply(operations[number])

    def _one(self, said: str, state: Mapping[str, bytes], ended: int) -> None:
        """Check one state: open it, repair it if necessary, compare it, load again."""
        digest = hashlib.sha256(repr(ended).encode())
        for name in sorted(state):
            digest.update(name.encode() + b"\0" + hashlib.sha256(state[name]).digest())
        if digest.digest() in self._known:
            return
        self._known.add(digest.digest())
        self.seen["states"] += 1
        number = self.seen["states"]
        case = self.folder / "case"
        (case / "tmp").mkdir(parents=True)
        for name, content in state.items():
            (case / name).parent.mkdir(parents=True, exist_ok=True)
            (case / name).write_bytes(content)

        def look() -> dict[str, Any]:
            found = star(case)
            repaired = None
            if not found["opens"]:
                repaired = command("doctor", "--repair", folder=case)
                found = star(case)
            done = found | {"repaired": repaired}
            if number % 4 == 0 or repaired:
                again = load(self.data, case)
                done |= {"again": again["code"], "told": again["told"], "last": star(case)["found"]}
            return done

        found = asked(look)
        shutil.rmtree(case)
        said = f"state {number}, {said}, {ended} loads ended"
        self.seen["repaired"] += bool(found.get("repaired"))
        if not found.get("opens"):
            self.seen["does not open"] += 1
            self.wrong.append(f"{said}: does not open: {found}"[:700])
            return
        expected = self.stars[ended : ended + 2]
        if found["found"] not in expected:
            self.seen["another star"] += 1
            self.wrong.append(f"{said}: {found['found']}, not one of {expected}")
            return
        self.seen[
            "after" if found["found"] == self.stars[-1] or found["found"] != expected[0] else "before"
        ] += 1
        # A full refresh adds to the ledger's count of lines, so the star is compared without that.
        if "again" in found:
            self.seen["loaded again"] += 1
            if found["again"] or found["last"].split()[0] != self.stars[-1].split()[0]:
                self.wrong.append(
                    f"{said}, again: exit {found['again']}, {found['last']}: {found['told']}"[:700]
                )


def star(folder: Path) -> dict[str, Any]:
    """The star of a folder's database, and whether it opens."""
    try:
        return {"found": fingerprint(folder / NAME), "opens": True, "error": ""}
    except Exception as exc:
        return {"found": "", "opens": False, "error": f"{type(exc).__name__}: {exc}"[:300]}


def run(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Check all states. Returns the counts and the violations."""
    data = folder / "data"
    generate(data, events=options.events, songs=60, days=4, seed=options.seed)
    import_all(folder, data)
    # A loaded file is known by its name, so the later days are moved away until their load.
    *_, third, last = sorted((data / "log_data").rglob("*.json"))
    kept = {path: folder / path.name for path in (third, last)}
    for path, place in kept.items():
        path.rename(place)
    (folder / "before" / "tmp").mkdir(parents=True)
    asked(partial(load, data, folder / "before"))

    def one_more(path: Path, database: Path) -> dict[str, Any]:
        kept[path].rename(path)
        return load(data, database)

    losses = PowerLoss(folder, data)
    operations = losses.record(
        Shim(), [partial(one_more, third), partial(one_more, last), partial(_refresh, data)]
    )
    if options.sabotage:
        operations = [one for one in operations if one.kind != "s"]
    losses.run(operations, random.Random(options.seed), options.states, until_wrong=options.sabotage)
    return {
        "operations": len(operations),
        **losses.seen,
        "violations": len(losses.wrong),
        "wrong": losses.wrong[:20],
    }


def _refresh(data: Path, folder: Path) -> dict[str, Any]:
    return load(data, folder, "--full-refresh")


def main() -> None:
    """Record, cut off, inspect, repair, load, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--states", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--events", type=int, default=1500)
    parser.add_argument("--sabotage", action="store_true", help="forget the syncs")
    options = parser.parse_args()
    require_shim("tests.support.power_loss")
    with tempfile.TemporaryDirectory(prefix="sparkify-power-") as name:
        found = run(Path(name), options)
    print(json.dumps(found))
    sys.exit(1 if found["violations"] else 0)


if __name__ == "__main__":
    main()
