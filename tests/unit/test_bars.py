"""The progress bar of a load: one line at every width, which never goes back."""

from __future__ import annotations

import io
import re
import sys

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.progress import ProgressColumn

from sparkify.cli.bars import TerminalObserver

STEPS = ["read events into staging_events", "read songs into staging_songs", "count what was read"]
STEPS += ["songs that the matches are: collect", "plays: insert", "run the checks"]


LINE = r"^[━╸╺ ]+ +\d+% +\d+:\d\d( |$)"


class Clock:
    """A time that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def observer(width: int, clock: Clock | None = None) -> tuple[TerminalObserver, Console]:
    console = Console(
        file=io.StringIO(),
        force_terminal=True,
        width=width,
        color_system=None,
        legacy_windows=False,
        get_time=clock,
    )
    return TerminalObserver(console), console


def drawn(made: TerminalObserver, console: Console) -> str:
    """The bar as it is now: one line and nothing else."""
    with console.capture() as capture:
        console.print(made._progress.get_renderable())
    (line,) = capture.get().rstrip("\n").split("\n")
    return line.rstrip()


def load(made: TerminalObserver, console: Console) -> list[str]:
    """The line after each thing that a load of two sources tells, large numbers among them."""
    lines = []

    def look() -> None:
        lines.append(drawn(made, console))

    made.loading({"events": "data/log_data", "songs": "data/song_data"}, "duckdb:///x.duckdb")
    for number, title in enumerate(STEPS, start=1):
        made.step(title, number, len(STEPS))
        look()
        if number <= 2:
            source = ("events", "songs")[number - 1]
            made.reading(source, 123_456, 40_000_000_000)
            look()
            for _ in range(4):
                made.read(source, 10_000_000_000, 123_456_789)
                look()
    return lines


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_bar_is_one_line_that_fits(width: int) -> None:
    lines = load(*observer(width))
    assert len(lines) == 16
    assert max(map(cell_len, lines)) <= width
    for line in lines:
        # Percentage, time and count are complete, not truncated.
        assert re.match(LINE, line), line
    assert all(re.search(r" [\d,]+ rows( |$)", line) for line in lines[2:])


@pytest.mark.parametrize(
    ("width", "said"), [(60, "reading"), (80, "reading events"), (120, "reading events (123,456 files)")]
)
def test_description_takes_what_is_left(width: int, said: str) -> None:
    assert said in load(*observer(width))[1]


def test_bar_grows_over_the_whole_load() -> None:
    found = [int(re.search(r"(\d+)%", line)[1]) for line in load(*observer(80))]  # type: ignore[index]
    assert found == sorted(found)
    # After reading half of one of two sources; all of both; and after the remaining steps.
    assert (found[0], found[3], found[11], found[-1]) == (0, 12, 58, 92)


def test_sources_without_new_files_leave_no_gap() -> None:
    made, console = observer(80)
    made.loading({"events": "a", "songs": "b"}, "x")
    made.step("read events", 1, 4)
    made.reading("events", 1, 100)
    made.read("events", 100, 1)
    made.step("count", 2, 4)
    made.step("insert", 3, 4)
    assert " 75% " in drawn(made, console)


def test_second_attempt_begins_anew() -> None:
    made, console = observer(80)
    load(made, console)
    made.step(STEPS[0], 1, len(STEPS))
    line = drawn(made, console)
    assert "  0% " in line
    assert "rows" not in line


def test_elapsed_time_is_shown() -> None:
    clock = Clock()
    made, console = observer(80, clock)
    made._progress.start_task(made._task)
    clock.now = 7
    assert re.search(r"  0% 0:07$", drawn(made, console))
    clock.now = 3725
    assert re.search(r"  0% 1:02:05$", drawn(made, console))


def test_warning_has_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    # Bar and warning go to one stream, as on a terminal.
    made = TerminalObserver(Console(file=sys.stderr, force_terminal=True, width=60, color_system=None))
    with made:
        made.step("insert", 1, 2)
        made.warning("trying again: the connection was lost")
        made.step("insert", 2, 2)
    text = capsys.readouterr().err.replace("\x1b[2K", "\n").replace("\x1b[1A", "")
    lines = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line) for line in re.split(r"[\r\n]+", text)]
    assert "warning: trying again: the connection was lost" in lines


def test_guard_sees_columns_that_are_free_to_wrap() -> None:
    """The negative control: as rich lays columns out by default, numbers are cut or lines broken."""
    made, console = observer(40)
    for column in made._progress.columns:
        assert isinstance(column, ProgressColumn)
        column._table_column = None
    with pytest.raises(ValueError, match="too many values"):
        load(made, console)
