"""The pipeline of the command: the one that ``--pipeline`` or the settings name, by default Sparkify's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sparkify.etl.declarations import Pipeline

__all__ = ["choose", "chosen_pipeline", "is_chosen", "option_given"]


class _Choice:
    """The value of ``--pipeline``. Set once, when the arguments are parsed."""

    option: str | None = None


_choice = _Choice()


def choose(option: str | None) -> str | None:
    """Remember the value of ``--pipeline``, and return it."""
    _choice.option = option
    return option


def option_given() -> str | None:
    """The value of ``--pipeline``; None if it was not given."""
    return _choice.option


def is_chosen() -> bool:
    """Whether anything names a pipeline. It is not imported."""
    from sparkify.config.pipelines import find_pipeline

    return find_pipeline(_choice.option) is not None


def chosen_pipeline() -> Pipeline:
    """The pipeline, imported.

    :raises ConfigurationError: if what is named cannot be imported, or is not a pipeline.
    """
    # Before the models of a pipeline: their options for Redshift would otherwise import its dialect.
    import sparkify.databases  # noqa: F401
    from sparkify.config.pipelines import find_pipeline, load_pipeline

    reference = find_pipeline(_choice.option)
    if reference is not None:
        return load_pipeline(reference)
    from sparkify.pipeline import SPARKIFY

    return SPARKIFY
