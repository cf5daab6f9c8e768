"""Settings: from options, the environment and ``dwh.cfg``. The only reader of the environment.

What an option says goes before ``SPARKIFY_*`` in the environment, which goes before ``dwh.cfg``, which goes
before the default. An empty value counts as absent everywhere.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from sparkify.config.dwhcfg import config_file, read_values
from sparkify.etl.declarations import Source
from sparkify.etl.errors import ConfigurationError

__all__ = ["DEFAULT_DATABASE_URL", "Setting", "Settings", "template"]

DEFAULT_DATABASE_URL = "duckdb:///sparkify.duckdb"
MASK = "***"


def _cfg(section: str, *options: str, secret: bool = False, **kw: Any) -> Any:
    """A setting that ``dwh.cfg`` has under ``[section]`` by one of these names."""
    extra: Any = {"section": section, "options": list(options), "secret": secret}
    return Field(json_schema_extra=extra, **kw)


class Settings(BaseSettings):
    """Everything that can be configured. ``Settings.load()`` reads it; ``explain()`` says where each is from.

    :raises ConfigurationError: from :meth:`load`, when the file or a value cannot be understood. The message
        never holds a value.
    """

    model_config = SettingsConfigDict(
        env_prefix="SPARKIFY_", env_ignore_empty=True, extra="forbid", frozen=True
    )

    database_url: SecretStr | None = _cfg(
        "CLUSTER",
        "DATABASE_URL",
        secret=True,
        default=None,
        description="a URL; else made of HOST",
    )
    host: str | None = _cfg(
        "CLUSTER", "HOST", default=None, description="of the cluster; none: the embedded database"
    )
    db_name: str = _cfg("CLUSTER", "DB_NAME", default="dev", description="name of the database")
    db_user: str = _cfg("CLUSTER", "DB_USER", default="awsuser", description="name of the database user")
    db_password: SecretStr | None = _cfg(
        "CLUSTER", "DB_PASSWORD", secret=True, default=None, description="password of the database user"
    )
    db_secret_id: str | None = _cfg(
        "CLUSTER", "DB_SECRET_ID", default=None, description="a secret of AWS Secrets Manager, for DB_PASSWORD"
    )
    db_port: int = _cfg(
        "CLUSTER", "DB_PORT", "DB_PORT_2", default=5439, ge=1, le=65_535, description="port of the cluster"
    )
    iam_role_arn: str | None = _cfg(
        "IAM_ROLE", "ARN", default=None, description="role with which the cluster reads S3"
    )
    log_data: str = _cfg(
        "S3",
        "LOG_DATA",
        default="data/log_data",
        description="the event logs: a folder or s3://bucket/prefix",
    )
    log_jsonpath: str | None = _cfg(
        "S3",
        "LOG_JSONPATH",
        default=None,
        description="JSONPaths of the logs, for COPY; else generated",
    )
    song_data: str = _cfg(
        "S3", "SONG_DATA", default="data/song_data", description="the songs: a folder or s3://bucket/prefix"
    )
    manifest_prefix: str | None = _cfg(
        "S3", "MANIFEST_PREFIX", default=None, description="s3:// prefix where COPY manifests may be written"
    )
    region: str | None = _cfg(
        "AWS", "REGION", "DWH_REGION", default=None, description="AWS region; else that of the AWS profile"
    )
    aws_endpoint_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("aws_endpoint_url", "AWS_ENDPOINT_URL"),
        description="another server than Amazon's S3, such as one for tests",
        json_schema_extra={"section": "AWS", "options": ["ENDPOINT_URL"], "secret": False},
    )
    aws_access_key_id: SecretStr | None = _cfg(
        "AWS", "KEY", secret=True, default=None, description="better left empty: use an AWS profile"
    )
    aws_secret_access_key: SecretStr | None = _cfg(
        "AWS", "SECRET", secret=True, default=None, description="better left empty: use an AWS profile"
    )
    dwh_cluster_type: str = _cfg(
        "DWH",
        "DWH_CLUSTER_TYPE",
        default="multi-node",
        description="single-node, multi-node or serverless",
    )
    dwh_num_nodes: int = _cfg("DWH", "DWH_NUM_NODES", default=2, ge=1, description="of the cluster to create")
    dwh_node_type: str = _cfg("DWH", "DWH_NODE_TYPE", default="ra3.large", description="of the cluster")
    dwh_cluster_identifier: str = _cfg(
        "DWH", "DWH_CLUSTER_IDENTIFIER", default="sparkify", description="name of the cluster to create"
    )
    dwh_db: str = _cfg("DWH", "DWH_DB", default="dev", description="database of the cluster to create")
    dwh_db_user: str = _cfg("DWH", "DWH_DB_USER", default="awsuser", description="its administrator")
    dwh_db_password: SecretStr | None = _cfg(
        "DWH", "DWH_DB_PASSWORD", secret=True, default=None, description="else one that AWS keeps"
    )
    dwh_port: int = _cfg(
        "DWH", "DWH_PORT", default=5439, ge=1, le=65_535, description="port of the cluster to create"
    )
    dwh_iam_role_name: str = _cfg(
        "DWH", "DWH_IAM_ROLE_NAME", default="sparkify-redshift", description="role to create for the cluster"
    )
    dwh_allow_cidr: str | None = _cfg(
        "DWH", "DWH_ALLOW_CIDR", default=None, description="addresses that may connect: 203.0.113.7/32"
    )
    dwh_subnet_group: str | None = _cfg(
        "DWH", "DWH_SUBNET_GROUP", default=None, description="a cluster subnet group; else the default VPC"
    )
    dwh_kms_key_id: str | None = _cfg(
        "DWH", "DWH_KMS_KEY_ID", default=None, description="key that encrypts the data; else one of AWS"
    )
    dwh_base_capacity: int = _cfg(
        "DWH", "DWH_BASE_CAPACITY", default=8, ge=4, le=1024, description="RPUs of a serverless warehouse"
    )
    dwh_poll_seconds: float = _cfg(
        "DWH", "DWH_POLL_SECONDS", default=10, gt=0, description="between two looks while AWS is at work"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Options, then the environment, then the file."""
        return init_settings, env_settings, _DwhCfg(settings_cls, config_file())

    @classmethod
    def load(cls, sources: Sequence[Source] = (), /, **options: Any) -> Settings:
        """The settings as they stand now; ``options`` go before everything, and a None is no option.

        :raises ConfigurationError: when the file or a value cannot be understood.
        """
        given = {name: value for name, value in options.items() if value not in (None, "")}
        try:
            return cls(**given)
        except ValidationError as exc:
            raise ConfigurationError(_explained(exc, given)) from None

    def declaring(self, sources: Sequence[Source]) -> Settings:
        """These settings, with those that say where the sources are."""
        return self

    def location(self, source: Source) -> str:
        """Where the files of a source are."""
        return str(getattr(self, source.location.setting))

    @property
    def url(self) -> URL:
        """Where the warehouse is: the URL given, else the cluster's, else the embedded database.

        :raises ConfigurationError: when the URL given cannot be parsed.
        """
        if self.database_url is not None:
            try:
                return make_url(self.database_url.get_secret_value())
            except ArgumentError:
                raise ConfigurationError(
                    "the database URL is not a URL of SQLAlchemy, such as duckdb:///sparkify.duckdb or "
                    "redshift+redshift_connector://user:password@host:5439/dev"
                ) from None
        if self.host is None:
            return make_url(DEFAULT_DATABASE_URL)
        return URL.create(
            "redshift+redshift_connector",
            username=self.db_user,
            password=self.db_password.get_secret_value() if self.db_password else None,
            # An endpoint is often pasted as the console shows it: host:port/database.
            host=self.host.partition("/")[0].partition(":")[0],
            port=self.db_port,
            database=self.db_name,
        )

    def explain(self, **options: Any) -> list[Setting]:
        """Each setting, its value as it may be shown, and where it came from."""
        given = {name for name, value in options.items() if value not in (None, "")}
        environment = EnvSettingsSource(type(self))()
        file = _DwhCfg(type(self), config_file())()
        found: list[Setting] = []
        for name, info in type(self).model_fields.items():
            extra = _extra(info)
            if name in given:
                origin = "option"
            elif name in environment:
                origin = f"environment {env_name(name)}"
            elif name in file:
                origin = f"{config_file()} [{extra['section']}]"
            else:
                origin = "default"
            shown = self._shown(name, secret=bool(extra["secret"]))
            found.append(Setting(name, shown, origin, info.description or ""))
        return found

    def _shown(self, name: str, *, secret: bool) -> str:
        value = getattr(self, name)
        if value is None:
            return ""
        if name == "database_url":
            return self.url.render_as_string(hide_password=True)
        return MASK if secret else str(value)


@dataclass(frozen=True)
class Setting:
    """One setting, as ``sparkify-etl config`` shows it. A secret is masked."""

    name: str
    value: str
    origin: str
    description: str


def env_name(name: str) -> str:
    """The environment variable of a setting."""
    return f"SPARKIFY_{name.upper()}"


def _extra(info: FieldInfo) -> dict[str, Any]:
    extra = info.json_schema_extra
    return extra if isinstance(extra, dict) else {}


class _DwhCfg(PydanticBaseSettingsSource):
    """What ``dwh.cfg`` says, for pydantic."""

    def __init__(self, settings_cls: type[BaseSettings], path: Path) -> None:
        super().__init__(settings_cls)
        self._values = read_values(path)

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        extra = _extra(field)
        for option in extra.get("options", ()):
            if value := self._values.get((extra["section"], option.lower())):
                return value, field_name, False
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        found = {
            name: self.get_field_value(info, name)[0] for name, info in self.settings_cls.model_fields.items()
        }
        return {name: value for name, value in found.items() if value is not None}


def unknown_options(path: Path | None = None) -> list[str]:
    """What the file has and no setting is called, each with the name it may have meant."""
    known: dict[tuple[str, str], str] = {}
    for info in Settings.model_fields.values():
        extra = _extra(info)
        known |= {(extra["section"], option.lower()): option for option in extra["options"]}
    found = []
    for section, option in read_values(path or config_file()):
        if (section, option) in known:
            continue
        near = get_close_matches(option.upper(), known.values(), n=1)
        meant = f"; did you mean {near[0]}?" if near else ""
        found.append(f"[{section}] {option.upper()} is not a setting{meant}")
    return found


def readable_by_others(path: Path | None = None) -> bool:
    """Whether the file holds a secret and others than its owner may read it."""
    path = path or config_file()
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    if not mode & (stat.S_IRWXG | stat.S_IRWXO):
        return False
    values = read_values(path)
    return any(
        values.get((extra["section"], option.lower()))
        for extra in map(_extra, Settings.model_fields.values())
        if extra["secret"]
        for option in extra["options"]
    )


def _explained(error: ValidationError, given: Mapping[str, Any]) -> str:
    """What is wrong with which setting, without its value, which may be a secret."""
    lines = []
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        name = str(problem["loc"][0]) if problem["loc"] else "settings"
        if name in Settings.model_fields:
            extra = _extra(Settings.model_fields[name])
            where = (
                "option" if name in given else f"{env_name(name)} or [{extra['section']}] {extra['options'][0]}"
            )
        else:
            where = "option"
        lines.append(f"{name} ({where}): {problem['msg']}")
    return "; ".join(lines)


def template() -> str:
    """A ``dwh.cfg`` with every setting, commented out at its default."""
    sections: dict[str, list[str]] = {}
    for name, info in Settings.model_fields.items():
        extra = _extra(info)
        default = "" if info.default is None else str(info.default)
        sections.setdefault(extra["section"], []).extend(
            [f"# {info.description} ({env_name(name)})", f"#{extra['options'][0]} = {default}".rstrip(), ""]
        )
    head = [
        "# Settings of sparkify. An option of a command goes before the environment, which goes before this",
        "# file. This file may hold secrets: keep its mode at 0600, and out of version control.",
        "",
    ]
    body = [line for section, lines in sections.items() for line in (f"[{section}]", *lines)]
    return "\n".join([*head, *body])


def write_template(path: Path) -> None:
    """Write :func:`template` to a new file that its owner alone may read.

    :raises ConfigurationError: when the file is there already; it is left as it is.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigurationError(f"{path}: is there already and was left as it is") from None
    except OSError as exc:
        raise ConfigurationError(f"{path}: cannot be written: {exc.strerror}") from None
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(template())
