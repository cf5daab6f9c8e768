"""Terminal prompts that are answered with anything but yes."""

from __future__ import annotations

import pytest
from typer._click import termui

from sparkify import ConfigurationError
from sparkify.cli.asking import ask, confirm


def answer(monkeypatch: pytest.MonkeyPatch, given: str | type[BaseException]) -> None:
    def prompted(_text: str) -> str:
        if isinstance(given, str):
            return given
        raise given

    monkeypatch.setattr(termui, "visible_prompt_func", prompted)


def test_yes_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, "y")
    confirm("Go on?")


@pytest.mark.parametrize(
    ("given", "found"), [("n", "not confirmed"), ("", "not confirmed"), (EOFError, "no input")]
)
def test_no_and_nothing_are_refused(
    monkeypatch: pytest.MonkeyPatch, given: str | type[BaseException], found: str
) -> None:
    answer(monkeypatch, given)
    with pytest.raises(ConfigurationError, match=found) as caught:
        confirm("Go on?")
    assert caught.value.state == "nothing was changed"


def test_ctrl_c_is_a_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, KeyboardInterrupt)
    for question in (confirm, ask):
        with pytest.raises(KeyboardInterrupt):
            question("Go on?")


def test_answer_is_in_lower_case(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, " DwhCluster ")
    assert ask("Its name") == "dwhcluster"
