"""Checks of what Redshift needs in AWS: identity, cluster, role, and what is in S3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from sparkify.config.dwhcfg import config_file
from sparkify.config.settings import Settings
from sparkify.doctor.checklist import Checklist, Problem
from sparkify.etl.declarations import Pipeline, Source
from sparkify.etl.locations import bucket_and_key, is_s3
from sparkify.redshift import Endpoint

if TYPE_CHECKING:
    from sparkify.provision.access import Need
    from sparkify.provision.account import Aws

__all__ = ["AwsChecks"]

_JSONPATHS_LIMIT = 1_000_000


class AwsChecks:
    """The checks of a cluster or workgroup, and of what it reads."""

    def __init__(self, checklist: Checklist, settings: Settings, pipeline: Pipeline) -> None:
        self._checklist, self._settings, self._pipeline = checklist, settings, pipeline
        self._endpoint = Endpoint.of(str(settings.url.host or ""))
        self._aws: Aws | None = None
        self._account = ("", "aws")
        self._role = settings.iam_role_arn
        self._has_default_role: bool | None = None
        self._role_facts: Mapping[str, Any] = {}
        self._bucket_regions: dict[str, str] = {}

    def run(self) -> None:
        """Run the checks."""
        run = self._checklist.run
        run("region", self._check_region)
        run("credentials", self._check_credentials, needs=["region"])
        if self._endpoint is not None:
            run("cluster", self._check_cluster, needs=["credentials"], if_allowed=True)
        run("role", self._check_role, needs=["credentials"], if_allowed=True)
        if self._role is not None:
            run("role trust", self._check_trust, needs=["role"])
            run("role policy", self._check_policy, needs=["role"], if_allowed=True)
        if self._settings.unload_role_arn not in (None, self._settings.iam_role_arn):
            run("role for UNLOAD", self._check_unload_role, needs=["credentials"], if_allowed=True)
        sources = self._pipeline.sources
        for source in sources:
            run(source.location.setting, partial(self._check_source, source), needs=["credentials"])
        run("bucket region", self._check_bucket_region, needs=[source.location.setting for source in sources])
        for source in sources:
            name = source.location.jsonpaths
            if name is not None and (uri := getattr(self._settings, name)):
                run(name, partial(self._check_jsonpaths, source, name, uri), needs=["credentials"])
        if self._settings.manifest_prefix:
            run("manifest_prefix", self._check_manifest_prefix)

    def _check_region(self) -> str:
        from sparkify.provision.account import Aws

        self._aws = Aws(self._settings)
        if self._endpoint is not None and self._endpoint.region != self._aws.region:
            raise Problem(
                f"the host is in {self._endpoint.region} and the region is {self._aws.region}",
                hint=f"set REGION = {self._endpoint.region} in [AWS] of {config_file()}",
            )
        return self._aws.region

    def _check_credentials(self) -> str:
        answer = self._ask("ask AWS whose credentials these are", "sts", "get_caller_identity")
        self._account = answer["Account"], answer["Arn"].split(":")[1]
        keys = ", by the keys of [AWS]; a profile is safer" if self._settings.aws_access_key_id else ""
        return f"account {answer['Account']}, as {answer['Arn'].split(':', 5)[5]}{keys}"

    def _ask(self, doing: str, service: str, operation: str, **params: Any) -> dict[str, Any]:
        assert self._aws is not None  # noqa: S101 - the check of the region makes it, and all others need it
        return self._aws.ask(doing, service, operation, **params)

    def _check_cluster(self) -> str:
        from sparkify.provision.calls import Context
        from sparkify.provision.cluster import Cluster
        from sparkify.provision.naming import Names
        from sparkify.provision.serverless import Workgroup

        assert self._aws is not None and self._endpoint is not None  # noqa: S101, PT018
        serverless = self._endpoint.serverless
        names = Names(
            identifier=self._endpoint.name,
            kind="serverless" if serverless else "provisioned",
            role=self._settings.dwh_iam_role_name,
            pipeline=self._pipeline.name,
        )
        resource = Workgroup(names) if serverless else Cluster(names)
        found = resource.inspect(self._aws, Context())
        if found is None:
            raise Problem(
                f"there is no {resource.noun} in {self._aws.region}", hint="sparkify-etl cluster create"
            )
        if not serverless:
            # The default role of a workgroup belongs to its namespace, which is not inspected.
            default = found.facts.get("DefaultIamRoleArn")
            self._has_default_role = default is not None
            self._role = self._role or default
        if found.state == "paused":
            raise Problem(f"the cluster {names.identifier} is paused", hint="sparkify-etl cluster resume")
        if found.state == "storage-full":
            raise Problem(f"the cluster {names.identifier} has no room left", hint="delete data, or add nodes")
        if not found.state.startswith("available"):
            raise Problem(f"{names.identifier} is {found.state}", hint="wait; see sparkify-etl cluster status")
        return f"{names.identifier} is {found.state}"

    def _check_role(self) -> str:
        arn = self._role
        if arn is None and self._has_default_role is False:
            raise Problem(
                "ARN is empty, and the cluster has no default role that COPY would use",
                hint=f"sparkify-etl cluster create writes it; or set ARN in [IAM_ROLE] of {config_file()}",
            )
        if arn is None:
            return "ARN is empty: COPY uses the cluster's default role, which AWS was not asked for"
        name = arn.rpartition("/")[2]
        self._role_facts = self._ask(f"inspect the role {name}", "iam", "get_role", RoleName=name)["Role"]
        if self._role_facts["Arn"] != arn:
            raise Problem(f"{arn} is not in this account; {self._role_facts['Arn']} is", hint="correct ARN")
        return arn

    def _check_trust(self) -> str:
        return self._check_trust_of(self._role_facts)

    def _check_trust_of(self, role: Mapping[str, Any]) -> str:
        from sparkify.provision.access import trusts
        from sparkify.provision.naming import Names

        account, partition = self._account
        region = self._endpoint.region if self._endpoint else self._settings.region
        name = self._endpoint.name if self._endpoint else Names.of(self._settings, self._pipeline).identifier
        source = f"arn:{partition}:redshift:{region}:{account}:cluster:{name}"
        if self._endpoint is not None and self._endpoint.serverless:
            source = f"arn:{partition}:redshift-serverless:{region}:{account}:workgroup/{name}"
        if not trusts(role["AssumeRolePolicyDocument"], account=account, source_arn=source):
            raise Problem(
                f"the role does not let Redshift use it on behalf of {source}",
                hint="sparkify-etl cluster create",
            )
        return f"Redshift may use it for {name}"

    def _check_policy(self) -> str:
        from sparkify.provision.access import needs, needs_of_key, needs_of_unload
        from sparkify.provision.spec import readable_s3, separate_unload_role, writable_s3

        readable, writable = readable_s3(self._settings, self._pipeline), writable_s3(self._settings)
        if separate_unload_role(self._settings) is not None:
            writable = ()
        required = [
            *needs(readable, self._account[1]),
            *needs_of_unload(writable, self._account[1]),
            *needs_of_key(self._key_arn(), writes=bool(writable)),
        ]
        self._require(self._role_facts["RoleName"], required)
        return (
            f"it may read {', '.join(f's3://{part.bucket}' for part in readable) or 'nothing, as configured'}"
            + "".join(f", and write s3://{one.bucket}/{one.prefixes[0]}" for one in writable)
        )

    def _check_unload_role(self) -> str:
        from sparkify.provision.access import needs_of_key, needs_of_unload
        from sparkify.provision.spec import writable_s3

        arn = str(self._settings.unload_role_arn)
        name = arn.rpartition("/")[2]
        found = self._ask(f"inspect the role {name}", "iam", "get_role", RoleName=name)["Role"]
        if found["Arn"] != arn:
            raise Problem(f"{arn} is not in this account; {found['Arn']} is", hint="correct UNLOAD_ARN")
        self._check_trust_of(found)
        writable = writable_s3(self._settings)
        self._require(
            name,
            [*needs_of_unload(writable, self._account[1]), *needs_of_key(self._key_arn(), writes=True)],
            hint="change its policy: it is not one that sparkify-etl cluster made",
        )
        return f"it may write {self._settings.unload_prefix or 'nothing, as UNLOAD_PREFIX is empty'}"

    def _key_arn(self) -> str | None:
        from sparkify.provision.spec import kms_key_arn

        assert self._aws is not None  # noqa: S101
        account, partition = self._account
        return kms_key_arn(self._settings.s3_kms_key, partition, self._aws.region, account)

    def _require(self, role: str, required: Sequence[Need], hint: str = "sparkify-etl cluster create") -> None:
        """Raise a problem unless the policies of a role grant all of this."""
        from sparkify.provision.access import policies_of, ungranted

        assert self._aws is not None  # noqa: S101
        if lacking := ungranted(policies_of(self._aws, role), iter(required)):
            more = f", and {len(lacking) - 1} more" if len(lacking) > 1 else ""
            raise Problem(f"the role may not do {lacking[0]}{more}", hint=hint)

    # S3

    def _check_source(self, source: Source) -> str:
        from sparkify.provision.aws_errors import AwsRefusal

        uri = self._settings.location(source)
        section, option = self._settings.cfg_option(source.location.setting)
        if not is_s3(uri):
            raise Problem(
                "Redshift reads S3 alone",
                where=uri,
                hint=f"set {option} in [{section}] of {config_file()} to s3://bucket/prefix",
            )
        bucket, key = bucket_and_key(uri)
        folder = f"{key.rstrip('/')}/" if key else ""
        correct = f"correct {option} in [{section}] of {config_file()}"
        try:
            answer = self._ask(f"list {uri}", "s3", "list_objects_v2", Bucket=bucket, Prefix=folder, MaxKeys=1)
        except AwsRefusal as exc:
            if exc.code == "NoSuchBucket":
                raise Problem("there is no such bucket", where=uri, hint=correct) from exc
            raise
        if not answer.get("KeyCount"):
            raise Problem("no object is there", where=uri, hint=correct)
        head = self._ask(f"inspect the bucket {bucket}", "s3", "head_bucket", Bucket=bucket)
        headers = head["ResponseMetadata"]["HTTPHeaders"]
        if region := head.get("BucketRegion") or headers.get("x-amz-bucket-region"):
            self._bucket_regions[bucket] = region
        return f"{uri} can be listed"

    def _check_bucket_region(self) -> str:
        assert self._aws is not None  # noqa: S101
        for bucket, region in sorted(self._bucket_regions.items()):
            if region != self._aws.region:
                raise Problem(
                    f"s3://{bucket} is in {region}, and COPY would look in {self._aws.region}",
                    hint=f"create the warehouse in {region}, and set REGION = {region} in [AWS] of "
                    f"{config_file()}",
                )
        return ", ".join(sorted(set(self._bucket_regions.values()))) or "not reported by S3"

    def _check_jsonpaths(self, source: Source, name: str, uri: str) -> str:
        from sparkify.etl.errors import ConfigurationError
        from sparkify.etl.jsonpaths import columns_of

        _, option = self._settings.cfg_option(name)
        bucket, key = bucket_and_key(uri)
        if not is_s3(uri) or not key:
            raise Problem(
                f"{uri} is not an object of S3", hint=f"set {option} to s3://bucket/key, or leave it out"
            )
        body = self._ask(f"read {uri}", "s3", "get_object", Bucket=bucket, Key=key)["Body"]
        try:
            columns = columns_of(body.read(_JSONPATHS_LIMIT).decode(errors="replace"), source, uri)
        except ConfigurationError as exc:
            raise Problem(
                exc.found,
                where=exc.where,
                hint=f"correct the file, or leave {option} out: with MANIFEST_PREFIX a load writes its own",
            ) from exc
        return f"{uri}: {len(columns)} paths"

    def _check_manifest_prefix(self) -> str:
        uri = str(self._settings.manifest_prefix)
        section, option = self._settings.cfg_option("manifest_prefix")
        if not is_s3(uri) or not bucket_and_key(uri)[0]:
            raise Problem(
                f"{uri} is not a prefix of S3",
                hint=f"set {option} in [{section}] of {config_file()} to s3://bucket/prefix, or leave it out",
            )
        return f"COPY manifests are written below {uri}"
