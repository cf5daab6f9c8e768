"""What a role's policies grant, as far as they can be read: for the doctor, not a full policy evaluation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sparkify.provision.account import Aws
from sparkify.provision.spec import ReadableS3

__all__ = ["Need", "needs", "needs_of_key", "needs_of_unload", "policies_of", "trusts", "ungranted"]

_GONE = ("NoSuchEntity",)
_SOURCE_KEYS = {"aws:sourcearn", "aws:sourceaccount"}


@dataclass(frozen=True)
class Need:
    """One permission that COPY or UNLOAD needs: an action on a resource, with a prefix for a listing."""

    action: str
    resource: str
    prefix: str | None = None

    def __str__(self) -> str:
        return f"{self.action} on {self.resource}" + (f" with prefix {self.prefix}" if self.prefix else "")


def needs_of_unload(writable: Sequence[ReadableS3], partition: str = "aws") -> Iterator[Need]:
    """What UNLOAD needs to write below the prefixes, after removing what is there."""
    for one in writable:
        bucket = f"arn:{partition}:s3:::{one.bucket}"
        for prefix in one.prefixes:
            yield Need("s3:ListBucket", bucket, f"{prefix}/")
            for action in ("s3:PutObject", "s3:GetObject", "s3:DeleteObject"):
                yield Need(action, f"{bucket}/{prefix}/plays/0000_part_00.parquet")


def needs_of_key(key: str | None, *, writes: bool) -> Iterator[Need]:
    """What reading objects, and with ``writes`` writing them, needs of the key that encrypts them."""
    if key is not None:
        yield Need("kms:Decrypt", key)
        if writes:
            yield Need("kms:GenerateDataKey", key)


def needs(readable: Sequence[ReadableS3], partition: str = "aws") -> Iterator[Need]:
    """What COPY needs to load what the settings name."""
    for one in readable:
        bucket = f"arn:{partition}:s3:::{one.bucket}"
        for prefix in one.prefixes:
            folder = f"{prefix}/" if prefix else ""
            yield Need("s3:GetObject", f"{bucket}/{folder}2018/11/a.json")
            yield Need("s3:ListBucket", bucket, folder)
        for key in one.objects:
            yield Need("s3:GetObject", f"{bucket}/{key}")


def policies_of(aws: Aws, role: str) -> list[Mapping[str, Any]]:
    """The documents of every policy of the role, inline and attached. Read-only."""
    doing = f"read the policies of the role {role}"
    documents: list[Mapping[str, Any]] = []
    for name in aws.ask(doing, "iam", "list_role_policies", RoleName=role)["PolicyNames"]:
        answer = aws.find(doing, "iam", "get_role_policy", absent=_GONE, RoleName=role, PolicyName=name)
        if answer:
            documents.append(answer["PolicyDocument"])
    for attached in aws.ask(doing, "iam", "list_attached_role_policies", RoleName=role)["AttachedPolicies"]:
        arn = attached["PolicyArn"]
        policy = aws.ask(doing, "iam", "get_policy", PolicyArn=arn)["Policy"]
        version = aws.ask(
            doing, "iam", "get_policy_version", PolicyArn=arn, VersionId=policy["DefaultVersionId"]
        )
        documents.append(version["PolicyVersion"]["Document"])
    return documents


def ungranted(documents: Sequence[Mapping[str, Any]], required: Iterator[Need]) -> list[Need]:
    """The needs that no policy grants, or that a policy denies."""
    statements = [statement for document in documents for statement in _list(document.get("Statement"))]
    return [
        need
        for need in required
        if not any(_applies(statement, need) for statement in statements if statement.get("Effect") == "Allow")
        or any(_applies(statement, need) for statement in statements if statement.get("Effect") == "Deny")
    ]


def trusts(document: Mapping[str, Any], *, account: str, source_arn: str) -> bool:
    """Whether a trust policy lets Redshift assume the role on behalf of the warehouse with this ARN."""
    return any(
        statement.get("Effect") == "Allow"
        and _matches(statement.get("Action"), "sts:AssumeRole")
        and any(
            str(service).startswith(("redshift.", "redshift-serverless."))
            for service in _list(_service(statement.get("Principal")))
        )
        and _source_fits(statement.get("Condition", {}), account, source_arn)
        for statement in _list(document.get("Statement"))
    )


def _service(principal: Any) -> Any:
    return principal.get("Service", []) if isinstance(principal, Mapping) else []


def _source_fits(conditions: Mapping[str, Mapping[str, Any]], account: str, source_arn: str) -> bool:
    facts = {"aws:sourceaccount": account, "aws:sourcearn": source_arn}
    return all(
        _matches(values, facts[key.lower()])
        for condition in conditions.values()
        for key, values in condition.items()
        # A condition on something else, such as the database user, is ignored.
        if key.lower() in _SOURCE_KEYS
    )


def _applies(statement: Mapping[str, Any], need: Need) -> bool:
    if not _matches(statement.get("Action"), need.action, ignore_case=True):
        return False
    if not _matches(statement.get("Resource"), need.resource):
        return False
    prefixes = [
        values
        for condition in statement.get("Condition", {}).values()
        for key, values in condition.items()
        if key.lower() == "s3:prefix"
    ]
    return all(_matches(values, need.prefix or "") for values in prefixes)


def _matches(patterns: Any, value: str, *, ignore_case: bool = False) -> bool:
    flags = re.IGNORECASE if ignore_case else re.NOFLAG
    return any(re.fullmatch(_regex(str(pattern)), value, flags | re.DOTALL) for pattern in _list(patterns))


def _regex(pattern: str) -> str:
    """The regular expression of an IAM pattern: ``*`` and ``?`` are wildcards, and ``${*}`` is a star."""
    parts = re.split(r"(\$\{[*?$]\}|[*?])", pattern)
    wildcards = {"*": ".*", "?": "."}
    return "".join(
        wildcards.get(part) or re.escape(part[2] if re.fullmatch(r"\$\{.\}", part) else part) for part in parts
    )


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
