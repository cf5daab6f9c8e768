"""How a setting is declared: its names in ``dwh.cfg`` and in the environment, its value, what it is for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from sparkify.config.dwhcfg import read_values
from sparkify.etl.declarations import Source
from sparkify.etl.errors import ConfigurationError

__all__ = ["DwhCfg", "cfg", "env_name", "extra_of", "fields_of", "setting_names"]


def cfg(section: str, *options: str, secret: bool = False, **kw: Any) -> Any:
    """A setting that ``dwh.cfg`` may have under ``[section]`` by one of these names."""
    extra: Any = {"section": section, "options": list(options), "secret": secret}
    return Field(json_schema_extra=extra, **kw)


def env_name(name: str) -> str:
    """The environment variable of a setting."""
    return f"SPARKIFY_{name.upper()}"


def extra_of(info: FieldInfo) -> dict[str, Any]:
    """The arguments of :func:`cfg`: ``section``, ``options`` and ``secret``."""
    extra = info.json_schema_extra
    return extra if isinstance(extra, dict) else {}


def setting_names(source: Source) -> tuple[str, ...]:
    """The names of the settings that a source declares."""
    location = source.location
    return (location.setting,) if location.jsonpaths is None else (location.setting, location.jsonpaths)


def fields_of(sources: Sequence[Source], taken: Mapping[str, FieldInfo]) -> dict[str, Any]:
    """The type and the field of each setting that the sources declare, by name.

    :param taken: the settings that exist already.
    :raises ConfigurationError: if a name is taken, or two sources use one name for different locations.
    """
    owners: dict[str, Source] = {}
    found: dict[str, Any] = {}
    for source in sources:
        for name, value in _fields(source):
            if name in taken:
                raise ConfigurationError(
                    f"its setting {name} is one that every warehouse has",
                    where=f"source {source.name}",
                    hint="Name its location by another setting.",
                )
            if name in found and owners[name].location != source.location:
                raise ConfigurationError(
                    f"its setting {name} is also one of source {owners[name].name}",
                    where=f"source {source.name}",
                    hint="Name its location by another setting.",
                )
            owners.setdefault(name, source)
            found.setdefault(name, value)
    return found


def _fields(source: Source) -> Iterator[tuple[str, Any]]:
    location = source.location
    option = location.option or location.setting.upper()
    where = cfg(location.section, option, default=location.default, description=location.description)
    yield location.setting, (str | None, where)
    if location.jsonpaths is not None:
        described = f"JSONPaths of the {source.name}, for COPY; else generated"
        paths = cfg(location.section, location.jsonpaths.upper(), default=None, description=described)
        yield location.jsonpaths, (str | None, paths)


class DwhCfg(PydanticBaseSettingsSource):
    """The values of ``dwh.cfg``, as a source for pydantic."""

    def __init__(self, settings_cls: type[BaseSettings], path: Path) -> None:
        super().__init__(settings_cls)
        self._values = read_values(path)

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The value of a field, its name, and False: it is not complex."""
        extra = extra_of(field)
        for option in extra.get("options", ()):
            if value := self._values.get((extra["section"].upper(), option.lower())):
                return value, field_name, False
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """The values in the file, by the name of the setting."""
        found = {
            name: self.get_field_value(info, name)[0] for name, info in self.settings_cls.model_fields.items()
        }
        return {name: value for name, value in found.items() if value is not None}
