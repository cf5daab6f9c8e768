"""The work folder of the benchmarks, with a virtual environment for each set of measured packages.

    python -m benchmarks.environments [NAME ...]

Each opponent has its own environment, because their requirements conflict. Sparkify's lacks the packages of its
tests: DuckDB imports pandas if it is installed, which a user of sparkify need not have. An environment that
cannot be installed is reported, and listed by name as not measured.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ROOT", "Environment", "environment", "environments", "work_folder"]

ROOT = Path(__file__).parents[1]
"""The clone."""

_VERSIONS = """
import importlib.metadata, json, platform, sys
names = {name: importlib.metadata.version(name) for name in sys.argv[1:]}
print(json.dumps({"python": platform.python_version(), **names}))
"""


@dataclass(frozen=True)
class Environment:
    """One virtual environment.

    :ivar python: its interpreter, which need not exist yet.
    :ivar install: the arguments of each ``pip install``, in order.
    :ivar packages: the packages whose versions are printed.
    """

    name: str
    python: Path
    install: tuple[tuple[str, ...], ...] = ()
    packages: tuple[str, ...] = ("duckdb",)

    @property
    def is_ready(self) -> bool:
        """Whether everything is installed as currently required."""
        try:
            return not self.install or self._stamp.read_text(encoding="utf-8") == self._wanted
        except FileNotFoundError:
            return False

    def script(self, name: str) -> Path:
        """The path of a command that its packages installed."""
        return self.python.with_name(name)

    def versions(self) -> dict[str, str]:
        """The versions of Python and of each package."""
        command = [str(self.python), "-c", _VERSIONS, *self.packages]
        found: dict[str, str] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        return found

    def ensure(self) -> str | None:
        """Install what is missing. Returns the reason if that fails."""
        if self.is_ready:
            return None
        folder = self.python.parents[1]
        self._stamp.unlink(missing_ok=True)
        commands = [[sys.executable, "-m", "venv", "--clear", str(folder)]]
        pip = [str(self.python), "-m", "pip", "install", "--quiet"]
        commands.append([*pip, "--upgrade", "pip>=25.1"])
        commands += [[*pip, *arguments] for arguments in self.install]
        for command in commands:
            done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
            if done.returncode:
                errors = [line for line in done.stderr.splitlines() if "error" in line.lower()]
                return (errors or done.stderr.strip().splitlines() or ["pip failed"])[-1].strip()
        self._stamp.write_text(self._wanted, encoding="utf-8")
        return None

    @property
    def _stamp(self) -> Path:
        return self.python.parents[1] / ".ready"

    @property
    def _wanted(self) -> str:
        pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
        group = self.install[0][-1]
        return json.dumps(
            [self.install, pyproject["dependency-groups"].get(group, pyproject["project"]["dependencies"])]
        )


def work_folder() -> Path:
    """Where environments and data are kept: ``SPARKIFY_BENCH``, or ``.bench`` in the clone."""
    return Path(os.environ.get("SPARKIFY_BENCH") or ROOT / ".bench").absolute()


def environment(name: str) -> Environment:
    """The environment ``sparkify``, ``sparkify-VERSION`` (of DuckDB), ``current``, or an opponent's."""
    if name == "current":
        return Environment(name, Path(sys.executable))
    install: list[tuple[str, ...]]
    packages: Sequence[str] = _PACKAGES.get(name, ("sparkify", "duckdb"))
    if name in _PACKAGES:
        install = [("--group", f"bench-{name}")]
    else:
        install = [("--editable", ".")]
        if version := name.removeprefix("sparkify").removeprefix("-"):
            # Ignores the upper bound of duckdb-sqlalchemy, which is below 2.
            install.append(("--no-deps", f"duckdb=={version}"))
    return Environment(
        name, work_folder() / "environments" / name / "bin" / "python", tuple(install), tuple(packages)
    )


def environments(names: Sequence[str] = ()) -> list[Environment]:
    """The environments named, or else sparkify's and each opponent's."""
    return [environment(name) for name in names or ("sparkify", *_PACKAGES)]


_PACKAGES: Mapping[str, tuple[str, ...]] = {
    "polars": ("polars", "duckdb"),
    "dbt": ("dbt-core", "dbt-duckdb", "duckdb"),
    "sqlmesh": ("sqlmesh", "duckdb"),
    "dlt": ("dlt", "duckdb"),
}


def main() -> None:
    """Install the environments and print their versions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="*", help=f"sparkify, sparkify-2.0.1, {', '.join(_PACKAGES)}")
    for each in environments(parser.parse_args().name):
        reason = each.ensure()
        if reason:
            print(f"{each.name}: not installed: {reason}", file=sys.stderr)
        else:
            print(f"{each.name}: {' '.join(f'{name} {text}' for name, text in each.versions().items())}")


if __name__ == "__main__":
    main()
