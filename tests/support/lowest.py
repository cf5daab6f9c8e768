"""The lower bounds in pyproject.toml as constraints for pip, for ``make test-lowest``.

    python -m tests.support.lowest > constraints.txt

Each dependency of the package and of its extras is pinned to the lowest version that pyproject.toml allows.
Their own dependencies and the test tools are the newest versions allowed.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable

from tests.support.paths import CLONE

_BOUND = re.compile(r"(?P<name>[\w.-]+)(\[[\w,]+\])?>=(?P<lowest>[\w.]+)")


def lowest(requirements: Iterable[str]) -> list[str]:
    """``name==version`` for each requirement, sorted and without duplicates.

    :raises ValueError: if a requirement has no lower bound.
    """
    found = set()
    for requirement in requirements:
        bound = _BOUND.match(requirement)
        if bound is None:
            raise ValueError(f"{requirement!r} has no lower bound: write name>=version")
        found.add(f"{bound['name']}=={bound['lowest']}")
    return sorted(found)


def main() -> None:
    """Print the constraints."""
    project = tomllib.loads((CLONE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [each for extra in project["optional-dependencies"].values() for each in extra]
    print("\n".join(lowest([*project["dependencies"], *extras])))


if __name__ == "__main__":
    main()
