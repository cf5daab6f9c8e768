"""Settings: from options, the environment and ``dwh.cfg``.

An option overrides ``SPARKIFY_*`` in the environment, which overrides ``dwh.cfg``, which overrides the default.
An empty value counts as absent everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from pydantic import AliasChoices, ByteSize, PrivateAttr, SecretStr, ValidationError, create_model
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from sparkify.config.connection import ConnectionSettings
from sparkify.config.dwhcfg import config_file
from sparkify.config.fields import DwhCfg, cfg, env_name, extra_of, fields_of, setting_names
from sparkify.config.secrets import MASK, masked, masked_url, protect, secrets_of
from sparkify.etl.declarations import Source
from sparkify.etl.errors import ConfigurationError
from sparkify.etl.listing import MAX_UNPACKED

__all__ = ["Setting", "Settings"]


class Settings(ConnectionSettings):
    """Everything that can be configured. ``Settings.load()`` reads it; ``describe()`` says where each is from.

    The location of a source is a setting too: ``load(pipeline.sources)`` adds those of a pipeline's sources.

    :raises ConfigurationError: from :meth:`load`, if the file or a value cannot be understood. The message
        never contains a value.
    """

    model_config = SettingsConfigDict(
        env_prefix="SPARKIFY_", env_ignore_empty=True, extra="forbid", frozen=True
    )

    sources: ClassVar[tuple[Source, ...]] = ()
    """The sources whose settings are included."""

    _options: dict[str, Any] = PrivateAttr(default_factory=dict)

    iam_role_arn: str | None = cfg(
        "IAM_ROLE", "ARN", default=None, description="role with which the cluster reads S3"
    )
    manifest_prefix: str | None = cfg(
        "S3", "MANIFEST_PREFIX", default=None, description="s3:// prefix where COPY manifests may be written"
    )
    pack_below: ByteSize = cfg(
        "S3",
        "PACK_BELOW",
        default=ByteSize(0),
        ge=0,
        le=4 * 1024 * 1024,
        description="smaller files, such as 1MB, are joined below MANIFEST_PREFIX before they are copied",
    )
    max_unpacked: ByteSize = cfg(
        "S3",
        "MAX_UNPACKED",
        default=ByteSize(MAX_UNPACKED),
        ge=0,
        description="what a gzipped file may become, such as 2GB, though it is over 200 times as large",
    )
    unload_role_arn: str | None = cfg(
        "IAM_ROLE",
        "UNLOAD_ARN",
        default=None,
        description="role with which the cluster writes S3; none: the same",
    )
    unload_prefix: str | None = cfg(
        "S3", "UNLOAD_PREFIX", default=None, description="s3:// prefix where cluster create lets its role write"
    )
    s3_kms_key: str | None = cfg(
        "S3", "KMS_KEY", default=None, description="ARN or id of the KMS key that encrypts the buckets"
    )
    region: str | None = cfg(
        "AWS", "REGION", "DWH_REGION", default=None, description="AWS region; else that of the AWS profile"
    )
    aws_endpoint_url: str | None = cfg(
        "AWS",
        "ENDPOINT_URL",
        default=None,
        validation_alias=AliasChoices("aws_endpoint_url", "AWS_ENDPOINT_URL"),
        description="another server than Amazon's S3, such as one for tests",
    )
    aws_access_key_id: SecretStr | None = cfg(
        "AWS", "KEY", secret=True, default=None, description="better left empty: use an AWS profile"
    )
    aws_secret_access_key: SecretStr | None = cfg(
        "AWS", "SECRET", secret=True, default=None, description="better left empty: use an AWS profile"
    )
    dwh_cluster_type: str = cfg(
        "DWH",
        "DWH_CLUSTER_TYPE",
        default="multi-node",
        description="single-node, multi-node or serverless",
    )
    dwh_num_nodes: int = cfg("DWH", "DWH_NUM_NODES", default=2, ge=1, description="of the cluster to create")
    dwh_node_type: str = cfg("DWH", "DWH_NODE_TYPE", default="ra3.large", description="of the cluster")
    dwh_cluster_identifier: str = cfg(
        "DWH", "DWH_CLUSTER_IDENTIFIER", default="sparkify", description="name of the cluster to create"
    )
    dwh_db: str = cfg("DWH", "DWH_DB", default="dev", description="database of the cluster to create")
    dwh_db_user: str = cfg("DWH", "DWH_DB_USER", default="awsuser", description="its administrator")
    dwh_db_password: SecretStr | None = cfg(
        "DWH", "DWH_DB_PASSWORD", secret=True, default=None, description="else one that AWS keeps"
    )
    dwh_port: int = cfg(
        "DWH", "DWH_PORT", default=5439, ge=1, le=65_535, description="port of the cluster to create"
    )
    dwh_iam_role_name: str = cfg(
        "DWH", "DWH_IAM_ROLE_NAME", default="sparkify-redshift", description="role to create for the cluster"
    )
    dwh_allow_cidr: str | None = cfg(
        "DWH", "DWH_ALLOW_CIDR", default=None, description="addresses that may connect: 203.0.113.7/32"
    )
    dwh_subnet_group: str | None = cfg(
        "DWH", "DWH_SUBNET_GROUP", default=None, description="a cluster subnet group; else the default VPC"
    )
    dwh_kms_key_id: str | None = cfg(
        "DWH", "DWH_KMS_KEY_ID", default=None, description="key that encrypts the data; else one of AWS"
    )
    dwh_base_capacity: int = cfg(
        "DWH", "DWH_BASE_CAPACITY", default=8, ge=4, le=1024, description="RPUs of a serverless warehouse"
    )
    dwh_poll_seconds: float = cfg(
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
        return init_settings, env_settings, DwhCfg(settings_cls, config_file())

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._options = options

    @classmethod
    def load(cls, sources: Sequence[Source] = (), /, **options: Any) -> Settings:
        """The settings as they are now, with those for the locations of the sources.

        :param options: override everything else; None and an empty string are ignored.
        :raises ConfigurationError: if the file or a value cannot be understood.
        """
        given = {name: value for name, value in options.items() if value not in (None, "")}
        settings_cls = cls.with_sources(sources)
        try:
            settings = settings_cls(**given)
        except ValidationError as exc:
            raise ConfigurationError(_explained(settings_cls, exc, given)) from None
        protect(secrets_of(settings))
        return settings

    @classmethod
    def with_sources(cls, sources: Sequence[Source]) -> type[Settings]:
        """The settings class that also has the settings of the sources. Equal sources give the same class.

        :raises ConfigurationError: if a setting of a source has the name of another setting.
        """
        return _with_sources(cls, tuple(sources)) if sources else cls

    @classmethod
    def declared(cls) -> Mapping[str, FieldInfo]:
        """Every setting by name, in display order."""
        fields = dict(cls.model_fields)
        of_sources = {name: fields.pop(name) for source in cls.sources for name in setting_names(source)}
        names = list(fields)
        behind = names.index("manifest_prefix")
        order = [*names[:behind], *of_sources, *names[behind:]]
        return {name: cls.model_fields[name] for name in order}

    @classmethod
    def cfg_option(cls, name: str) -> tuple[str, str]:
        """The section and the option of ``dwh.cfg`` for a setting."""
        extra = extra_of(cls.model_fields[name])
        return extra["section"].upper(), extra["options"][0]

    def declaring(self, sources: Sequence[Source]) -> Settings:
        """Settings that also have those of the sources, read with the same options; these if they have them.

        :raises ConfigurationError: as in :meth:`load`.
        """
        known = type(self).sources
        new = [source for source in sources if source not in known]
        if not new:
            return self
        names = {name for source in new for name in setting_names(source)}
        kept = [source for source in known if names.isdisjoint(setting_names(source))]
        return Settings.load((*kept, *new), **self._options)

    def location(self, source: Source) -> str:
        """Where the files of a source are.

        :raises ConfigurationError: if neither an option nor a setting says so, and there is no default.
        """
        settings = self.declaring([source])
        name = source.location.setting
        uri: str | None = getattr(settings, name)
        if not uri:
            section, option = settings.cfg_option(name)
            raise ConfigurationError(
                "no setting says where its files are",
                where=f"source {source.name}",
                hint=f"Set [{section}] {option} in {config_file()}, or {env_name(name)}.",
            )
        return uri

    def describe(self) -> list[Setting]:
        """Each setting with its value for display and its origin."""
        environment = EnvSettingsSource(type(self))()
        file = DwhCfg(type(self), config_file())()
        found: list[Setting] = []
        for name, info in self.declared().items():
            extra = extra_of(info)
            if name in self._options:
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
            return masked_url(self.url)
        return MASK if secret else masked(str(value))


@dataclass(frozen=True)
class Setting:
    """One setting, as ``sparkify-etl config`` shows it. A secret is masked."""

    name: str
    value: str
    origin: str
    description: str


@cache
def _with_sources(base: type[Settings], sources: tuple[Source, ...]) -> type[Settings]:
    fields = fields_of(sources, base.model_fields)
    made = create_model("Settings", __base__=base, __module__=__name__, __doc__=base.__doc__, **fields)
    made.sources = sources
    return made


def _explained(settings_cls: type[Settings], error: ValidationError, given: Mapping[str, Any]) -> str:
    """Which setting is wrong and why, without its value, which may be a secret."""
    lines = []
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        name = str(problem["loc"][0]) if problem["loc"] else "settings"
        if name in settings_cls.model_fields:
            section, option = settings_cls.cfg_option(name)
            where = "option" if name in given else f"{env_name(name)} or [{section}] {option}"
        else:
            where = "option"
        lines.append(f"{name} ({where}): {problem['msg']}")
    return "; ".join(lines)
