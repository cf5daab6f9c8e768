"""Find the pipeline that an option, the environment or ``pyproject.toml`` names, and import it."""

from __future__ import annotations

import os
import re
import sys
import tomllib
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from sparkify.etl.declarations import Pipeline
from sparkify.etl.errors import ConfigurationError, SparkifyError

__all__ = ["PipelineReference", "find_pipeline", "load_pipeline"]

ENVIRONMENT = "SPARKIFY_PIPELINE"
PROJECT_FILE = "pyproject.toml"

_FORM = re.compile(r"(?P<module>[^\W\d]\w*(?:\.[^\W\d]\w*)*):(?P<name>[^\W\d]\w*)")


@dataclass(frozen=True)
class PipelineReference:
    """A pipeline by its name.

    :ivar reference: ``module:name``.
    :ivar origin: what named it, for messages: ``option``, ``environment SPARKIFY_PIPELINE``, or the file.
    :ivar folder: the folder from which the module is imported.
    """

    reference: str
    origin: str
    folder: Path

    def __str__(self) -> str:
        return f"pipeline {self.reference} ({self.origin})"


def find_pipeline(option: str | None = None) -> PipelineReference | None:
    """The pipeline that is named; None if nothing names one.

    ``option`` overrides ``SPARKIFY_PIPELINE``, which overrides ``pipeline`` of ``[tool.sparkify]`` in
    ``pyproject.toml``: the first one in the working directory or above it. An empty value counts as absent.

    :raises ConfigurationError: if ``pyproject.toml`` cannot be read, or its ``pipeline`` is not a string.
    """
    if option:
        return PipelineReference(option, "option", Path.cwd())
    if named := os.environ.get(ENVIRONMENT):
        return PipelineReference(named, f"environment {ENVIRONMENT}", Path.cwd())
    here = Path.cwd()
    for folder in (here, *here.parents):
        path = folder / PROJECT_FILE
        if path.is_file():
            named = _named_in(path)
            return PipelineReference(named, f"{path} [tool.sparkify]", folder) if named else None
    return None


def load_pipeline(reference: PipelineReference | str) -> Pipeline:
    """Import the pipeline of that name. Its folder is then the first on ``sys.path``.

    :param reference: what :func:`find_pipeline` found; a string is imported from the working directory.
    :raises ConfigurationError: if it is not of the form ``module:name``, if the module cannot be imported or
        has no such name, or if what it names is not a :class:`~sparkify.etl.declarations.Pipeline`.
    """
    if isinstance(reference, str):
        reference = PipelineReference(reference, "option", Path.cwd())
    match = _FORM.fullmatch(reference.reference)
    if match is None:
        raise ConfigurationError(
            "is not of the form module:name",
            where=str(reference),
            hint="Write it like shop.warehouse:PIPELINE.",
        )
    module = _import(match["module"], reference)
    try:
        found = getattr(module, match["name"])
    except AttributeError:
        there = [
            f"{match['module']}:{name}" for name, value in vars(module).items() if isinstance(value, Pipeline)
        ]
        raise ConfigurationError(
            f"module {match['module']} has no {match['name']}",
            where=str(reference),
            hint=f"It has {', '.join(there)}." if there else None,
        ) from None
    if not isinstance(found, Pipeline):
        raise ConfigurationError(
            f"is of type {type(found).__name__}, not a Pipeline of sparkify", where=str(reference)
        )
    return found


def _named_in(path: Path) -> str | None:
    """The pipeline that ``pyproject.toml`` names, if any."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as exc:
        raise ConfigurationError(f"is not TOML: {exc}", where=str(path)) from None
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigurationError(f"cannot be read ({type(exc).__name__})", where=str(path)) from None
    tool = document.get("tool", {})
    ours = tool.get("sparkify", {}) if isinstance(tool, dict) else {}
    named = ours.get("pipeline") if isinstance(ours, dict) else None
    if named is not None and not isinstance(named, str):
        raise ConfigurationError(
            "pipeline of [tool.sparkify] is not a string",
            where=str(path),
            hint='Write it like pipeline = "shop.warehouse:PIPELINE".',
        )
    return named or None


def _import(module: str, reference: PipelineReference) -> object:
    folder = str(reference.folder)
    if sys.path[:1] != [folder]:
        sys.path.insert(0, folder)
    try:
        return import_module(module)
    except SparkifyError:
        raise
    except ModuleNotFoundError as exc:
        if exc.name is not None and f"{module}.".startswith(f"{exc.name}."):
            raise ConfigurationError(
                f"there is no module {exc.name}",
                where=str(reference),
                hint=f"It is looked for in {folder} and among the installed packages.",
            ) from None
        raise ConfigurationError(f"module {module} cannot be imported: {exc}", where=str(reference)) from exc
    except Exception as exc:
        raise ConfigurationError(
            f"module {module} cannot be imported: {type(exc).__name__}: {exc}", where=str(reference)
        ) from exc
