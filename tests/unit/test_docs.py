"""The documentation: no broken links, and every command, option and setting is documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from sparkify.cli import app, load
from sparkify.config.fields import env_name, extra_of
from sparkify.config.settings import Settings
from sparkify.pipeline import SPARKIFY
from tests.support.paths import CLONE
from tests.unit.test_public_api import commands

PAGES = [
    *sorted(CLONE.glob("*.md")),
    *sorted((CLONE / "docs").glob("*.md")),
    CLONE / "standin" / "README.md",
]


def links(page: Path) -> set[str]:
    """The targets of the links to files of the project."""
    found = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    return {link for link in found if not re.match(r"[a-z]+:", link)}


def anchors(page: Path) -> set[str]:
    """The names under which a heading is reached, made as code hosts make them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CLONE)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_readme_leads_to_every_page() -> None:
    readme = CLONE / "README.md"
    named = {(CLONE / link.partition("#")[0]).resolve() for link in links(readme)}
    assert set(PAGES) - named == {readme}


def test_every_command_is_in_readme() -> None:
    text = (CLONE / "README.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `sparkify-etl ([a-z]+)", text, re.MULTILINE)
    names = {words.split()[0] for words, _ in commands(typer.main.get_command(app)) if words}
    assert set(told) == names | {"query"}  # its subcommands are the questions
    assert len(told) == len(set(told))


def test_every_option_of_load_is_on_its_page() -> None:
    text = (CLONE / "docs" / "loading.md").read_text(encoding="utf-8")
    [(_, command)] = commands(load.make(SPARKIFY))
    # Options of every command need not be listed for each.
    common = {"--config", "--database", "--help", "--json", "--quiet"}
    options = {option for param in command.params for option in param.opts if option.startswith("--")}
    assert {option for option in options - common if not re.search(rf"`(?:[^`]* )?{option}\b", text)} == set()


def test_every_setting_is_on_its_page() -> None:
    text = (CLONE / "docs" / "settings.md").read_text(encoding="utf-8")
    told: dict[str, str] = {}
    section = ""
    for line in text.splitlines():
        if line.startswith("| ") and len(cells := line.split("|")[1:-1]) == 4:
            section = cells[0].strip().strip("`") or section
            keys, names = (re.findall(r"`([^`]+)`", cell) for cell in cells[1:3])
            told |= {f"[{section}] {key}": name for key, name in zip(keys, names, strict=True)}
    settings = Settings.with_sources(SPARKIFY.sources).declared()
    assert told == {
        f"[{extra_of(field)['section']}] {extra_of(field)['options'][0]}": env_name(name)
        for name, field in settings.items()
    }
