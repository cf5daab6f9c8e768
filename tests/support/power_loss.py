"""Loads of DuckDB that a power loss ends at any moment: what is on the disk, opened, repaired and loaded again.

    python -m tests.support.power_loss --states 1000 [--seed N]

A second day, a third one, and a full refresh are loaded while every write, sync, cut and name is recorded.
A state is what a disk may hold when the power fails after one of these operations: what was synced is
there; of what was not, the data is there, or not, or some of its sectors of 512 bytes; and names that were
given or taken since the folder was synced may be lost. The database must open by the library, or after
``sparkify-etl doctor --repair``, and hold the star after the last load that had ended, or after the one
that ran. The next load must come to the star of loads that nobody disturbed. Prints one line of JSON, and
exits with 1 when something of this was not so.

It is a simulation: no disk and no file system was cut off. ``--sabotage`` forgets the syncs of the record,
as of a loader that does not sync; ends with the first state that shows it.
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
    """The record of some loads, and the states that follow from it.

    :ivar stars: that of the beginning, and that after each load.
    """

    def __init__(self, folder: Path, data: Path) -> None:
        self.folder = folder
        self.data = data
        self.stars: list[str] = []
        self.seen: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._known: set[bytes] = set()

    def record(self, shim: Shim, loads: list[Callable[[Path], dict[str, Any]]]) -> list[Operation]:
        """The operations of the loads, with a mark behind each."""
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
        """So many different states, as even as can be over the operations."""
        ended = 0
        for number in range(len(operations) + 1):
            each = max(round((states - self.seen["states"]) / (len(operations) + 1 - number) * 1.3), 2)
            # A load may be lost as long as it has not ended: nothing is wrong before the first has.
            for state in self.disk.states(chance, each) if ended or not until_wrong else ():
                if self.seen["states"] >= states or (until_wrong and self.wrong):
                    return
                self._one(f"after {number} of {len(operations)} operations", state, ended)
            if number < len(operations):
                ended += operations[number].path == _ENDED and operations[number].kind == "m"
                self.disk.apply(operations[number])

    def _one(self, said: str, state: Mapping[str, bytes], ended: int) -> None:
        """One state: open it, repair it, compare it, load."""
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
        # A full refresh adds to the lines that the ledger knows: the star is compared without them.
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
    """All states: what was seen, and what was wrong."""
    data = folder / "data"
    generate(data, events=options.events, songs=60, days=4, seed=options.seed)
    import_all(folder, data)
    # By their names files are known to have been loaded: the later days are not there yet.
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
    """Record, cut off, look, repair, load, compare."""
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
