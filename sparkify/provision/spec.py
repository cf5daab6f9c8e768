"""The warehouse to create, from settings and options, checked before anything is sent."""

from __future__ import annotations

import ipaddress
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import SecretStr

from sparkify.config.fields import setting_names
from sparkify.config.settings import Settings
from sparkify.etl.declarations import Pipeline, Source
from sparkify.etl.errors import ConfigurationError
from sparkify.etl.locations import bucket_and_key, bucket_problem, is_s3
from sparkify.pipeline import SPARKIFY
from sparkify.provision.costs import Estimate, estimate
from sparkify.provision.naming import Names
from sparkify.provision.passwords import password_problems
from sparkify.provision.shapes import shape_problems

__all__ = ["ReadableS3", "Spec", "kms_key_arn", "readable_s3", "separate_unload_role", "writable_s3"]

_IDENTIFIER = re.compile(r"(?!.*--)[a-z][a-z0-9-]{0,61}[a-z0-9]|[a-z]")
_SERVERLESS_NAME = re.compile(r"[a-z0-9-]{3,64}")
_DATABASE = re.compile(r"[a-z][a-z0-9_]{0,63}")
_USER = re.compile(r"[a-z][a-z0-9_+.@-]{0,127}")
_ROLE = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_KEY_ID = r"(mrk-)?[0-9a-f-]{32,36}"
_KMS_KEY = re.compile(rf"(arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{{12}}:key/)?{_KEY_ID}")
_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]{1,576}", re.ASCII)
_PIPELINE = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_PORTS = (range(5431, 5456), range(8191, 8216))
_DATA = (".json", ".jsonl", ".ndjson")
#: A network with a shorter prefix than this is the whole internet or a good part of it.
WORLD_BITS = 8


@dataclass(frozen=True)
class ReadableS3:
    """What the role may read in one bucket.

    :ivar prefixes: folders, without a trailing slash; '' is the whole bucket.
    :ivar objects: single objects.
    """

    bucket: str
    prefixes: tuple[str, ...]
    objects: tuple[str, ...]


def writable_s3(settings: Settings) -> tuple[ReadableS3, ...]:
    """Where UNLOAD may write: below UNLOAD_PREFIX, or nowhere if that is not configured."""
    bucket, key = bucket_and_key(settings.unload_prefix or "")
    return (ReadableS3(bucket, (key.strip("/"),), ()),) if bucket else ()


def separate_unload_role(settings: Settings) -> str | None:
    """The user's own role that writes to S3; None if one role reads and writes."""
    arn = settings.unload_role_arn
    return None if arn == settings.iam_role_arn else arn


def kms_key_arn(key: str | None, partition: str, region: str, account: str) -> str | None:
    """The ARN of a KMS key; an id alone means a key in this account and region."""
    if key is None or key.startswith("arn:"):
        return key
    return f"arn:{partition}:kms:{region}:{account}:key/{key}"


def readable_s3(settings: Settings, pipeline: Pipeline = SPARKIFY) -> tuple[ReadableS3, ...]:
    """What COPY needs to read: the sources, their JSONPaths files, and where manifests are written."""
    prefixes: dict[str, set[str]] = defaultdict(set)
    objects: dict[str, set[str]] = defaultdict(set)
    settings = settings.declaring(pipeline.sources)
    locations = [source.location for source in pipeline.sources]
    folders = [getattr(settings, location.setting) for location in locations] + [settings.manifest_prefix]
    files = [getattr(settings, location.jsonpaths) for location in locations if location.jsonpaths]
    for uri in (*folders, *files):
        if uri is None or not is_s3(uri):
            continue
        bucket, key = bucket_and_key(uri)
        one_object = uri in files or key.removesuffix(".gz").endswith(_DATA)
        (objects if one_object else prefixes)[bucket].add(key.strip("/"))
    return tuple(
        ReadableS3(bucket, tuple(sorted(prefixes[bucket])), tuple(sorted(objects[bucket])))
        for bucket in sorted({*prefixes, *objects})
    )


@dataclass(frozen=True, kw_only=True)
class Spec:
    """A warehouse to create, as data. :meth:`of` builds one, and refuses what AWS would refuse.

    :ivar password: the administrator's; if None, AWS generates one, keeps it in Secrets Manager and rotates it.
    :ivar allow_cidr: the one network that may connect.
    :ivar base_capacity: RPUs of a serverless warehouse.
    """

    names: Names
    node_type: str
    nodes: int
    database: str
    user: str
    password: SecretStr | None
    port: int
    allow_cidr: str
    public: bool
    readable: tuple[ReadableS3, ...]
    writable: tuple[ReadableS3, ...] = ()
    unload_role_arn: str | None = None
    s3_kms_key: str | None = None
    subnet_group: str | None = None
    kms_key_id: str | None = None
    base_capacity: int = 8
    s3_endpoint: bool = False

    @classmethod
    def of(
        cls,
        settings: Settings,
        pipeline: Pipeline = SPARKIFY,
        *,
        serverless: bool = False,
        public: bool = False,
        open_to_the_world: bool = False,
        s3_endpoint: bool = False,
    ) -> Spec:
        """The warehouse that the settings ask for, to load a pipeline.

        :param public: give it an address on the internet; otherwise it is reachable only from its VPC.
        :param open_to_the_world: accept a network as large as 0.0.0.0/0.
        :param s3_endpoint: let the VPC reach S3, as the VPC of a private warehouse must for a load.
        :raises ConfigurationError: with everything that AWS or prudence would refuse, all at once.
        """
        settings = settings.declaring(pipeline.sources)
        names = Names.of(settings, pipeline, serverless=serverless)
        spec = cls(
            names=names,
            node_type=settings.dwh_node_type.lower(),
            nodes=_nodes(settings),
            database=settings.dwh_db.lower(),
            user=settings.dwh_db_user.lower(),
            password=settings.dwh_db_password,
            port=settings.dwh_port,
            allow_cidr=_network(settings.dwh_allow_cidr),
            public=public,
            readable=readable_s3(settings, pipeline),
            writable=writable_s3(settings),
            unload_role_arn=separate_unload_role(settings),
            s3_kms_key=settings.s3_kms_key,
            subnet_group=settings.dwh_subnet_group,
            kms_key_id=settings.dwh_kms_key_id,
            base_capacity=settings.dwh_base_capacity,
            s3_endpoint=s3_endpoint,
        )
        problems = [
            *shape_problems(
                settings.dwh_cluster_type.lower(),
                spec.node_type,
                spec.nodes,
                spec.base_capacity,
                serverless=spec.serverless,
            ),
            *_name_problems(spec),
            *_network_problems(spec, open_to_the_world=open_to_the_world),
            *_source_problems(settings, pipeline.sources),
        ]
        if problems:
            raise ConfigurationError(
                "this cannot be created", state="nothing was sent to AWS", details=problems
            )
        return spec

    @property
    def serverless(self) -> bool:
        """Whether it is a namespace and a workgroup, rather than a cluster of nodes."""
        return self.names.kind == "serverless"

    @property
    def estimate(self) -> Estimate:
        """Its approximate cost per hour."""
        capacity = self.base_capacity if self.serverless else None
        return estimate(self.node_type, self.nodes, serverless_capacity=capacity, public=self.public)


def _nodes(settings: Settings) -> int:
    """The number of nodes: the setting, or 1 for a single-node cluster whose setting is not given."""
    if settings.dwh_cluster_type.lower() == "single-node" and "dwh_num_nodes" not in settings.model_fields_set:
        return 1
    return settings.dwh_num_nodes


def _network(given: str | None) -> str:
    """The network in its usual form; a single address is a network of one. An invalid one stays as it is."""
    if not given:
        return ""
    try:
        return str(ipaddress.ip_network(given.strip(), strict=False))
    except ValueError:
        return given


def _name_problems(spec: Spec) -> Iterator[str]:
    from sqlalchemy_redshift.dialect import RESERVED_WORDS

    identifier = spec.names.identifier
    if not _IDENTIFIER.fullmatch(identifier) or (
        spec.serverless and not _SERVERLESS_NAME.fullmatch(identifier)
    ):
        least = 3 if spec.serverless else 1
        yield (
            f"DWH_CLUSTER_IDENTIFIER: {identifier!r} must be {least} to 63 letters, digits and single hyphens, "
            "beginning with a letter and not ending with a hyphen"
        )
    for option, value, pattern in (
        ("DWH_DB", spec.database, _DATABASE),
        ("DWH_DB_USER", spec.user, _USER),
        ("DWH_IAM_ROLE_NAME", spec.names.role, _ROLE),
        ("the pipeline's name", spec.names.pipeline, _PIPELINE),
    ):
        if not pattern.fullmatch(value):
            yield f"{option}: {value!r} is not a name that AWS takes"
        elif option in ("DWH_DB", "DWH_DB_USER") and value in {*RESERVED_WORDS, "public"}:
            yield f"{option}: {value!r} is a reserved word of Redshift"
    if spec.password is not None:
        for problem in password_problems(spec.password.get_secret_value()):
            yield f"DWH_DB_PASSWORD {problem}; or leave it out, and AWS makes one and keeps it"


def _network_problems(spec: Spec, *, open_to_the_world: bool) -> Iterator[str]:
    if not any(spec.port in ports for ports in _PORTS):
        yield f"DWH_PORT is {spec.port}: Redshift takes 5431 to 5455 and 8191 to 8215"
    if not spec.allow_cidr:
        yield (
            "nobody could connect: give --allow-cidr, or DWH_ALLOW_CIDR, the network that may; your own "
            "address is what https://checkip.amazonaws.com shows, with /32 behind it"
        )
        return
    try:
        network = ipaddress.ip_network(spec.allow_cidr)
    except ValueError:
        yield f"DWH_ALLOW_CIDR: {spec.allow_cidr!r} is not a network; write one like 203.0.113.7/32"
        return
    if network.prefixlen < WORLD_BITS and not open_to_the_world:
        yield (
            f"{network} lets the internet in; give your own address as 203.0.113.7/32, or add "
            "--open-to-the-world if everybody shall be able to try passwords"
        )


def _source_problems(settings: Settings, sources: Sequence[Source]) -> Iterator[str]:
    names = [name for source in sources for name in setting_names(source)]
    for name in (*names, "manifest_prefix", "unload_prefix"):
        _, option = settings.cfg_option(name)
        uri = getattr(settings, name)
        if uri is None:
            continue
        if not is_s3(uri):
            yield f"{option} is {uri}: Redshift reads S3 alone; give s3://bucket/prefix"
        elif not bucket_and_key(uri)[0]:
            yield f"{option} is {uri}: there is no bucket in it"
        elif problem := bucket_problem(uri):
            yield f"{option} is {uri}: {problem}"
        elif name == "unload_prefix" and not bucket_and_key(uri)[1].strip("/"):
            yield f"{option} is {uri}: all of the bucket could be overwritten; give s3://bucket/prefix"
    if settings.s3_kms_key is not None and not _KMS_KEY.fullmatch(settings.s3_kms_key):
        # A policy does not accept an alias of a key, and * would mean every key.
        yield "KMS_KEY is neither the ARN of a key of KMS nor its id: arn:aws:kms:REGION:ACCOUNT:key/ID"
    if settings.unload_role_arn is not None and not _ROLE_ARN.fullmatch(settings.unload_role_arn):
        yield "UNLOAD_ARN is not the ARN of a role: arn:aws:iam::ACCOUNT:role/NAME"
