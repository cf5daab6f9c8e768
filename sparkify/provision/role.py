"""The IAM role with which the warehouse reads and writes S3: who may use it, and what it may do."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, get_args

from sparkify.provision.account import Aws
from sparkify.provision.calls import Call, Context, Found
from sparkify.provision.naming import Kind, Names, Scope, key_value, tags_of
from sparkify.provision.spec import ReadableS3, Spec, kms_key_arn
from sparkify.provision.steps import Resource

__all__ = ["Role", "permissions", "role_arn", "same_document", "trust", "trusted_scope", "unload_roles"]

_GONE = ("NoSuchEntity",)
_REGION = re.compile(r"arn:[a-z-]+:redshift:([a-z0-9-]+):")
_VERSION = "2012-10-17"


def role_arn(names: Names, context: Context) -> str:
    """The ARN of the role."""
    return f"arn:{context.partition}:iam::{context.account}:role/{names.role}"


def unload_roles(spec: Spec) -> tuple[str, ...]:
    """The user's own role with which the warehouse writes to S3, if there is one."""
    return () if spec.unload_role_arn is None else (spec.unload_role_arn,)


def trust(names: Names, context: Context) -> dict[str, Any]:
    """Who may use the role: Redshift, and only on behalf of this warehouse.

    Without the condition, Redshift could be made to use it for somebody else's cluster (the "confused
    deputy" of the Amazon Redshift Management Guide).
    """
    here = f"{context.region}:{context.account}"
    if names.kind == "serverless":
        services = ["redshift-serverless.amazonaws.com", "redshift.amazonaws.com"]
        # The ARN of a workgroup ends in an id that is not known until the workgroup exists.
        sources = [
            f"arn:{context.partition}:{service}:{here}:*" for service in ("redshift", "redshift-serverless")
        ]
    else:
        services = ["redshift.amazonaws.com"]
        sources = [f"arn:{context.partition}:redshift:{here}:cluster:{names.identifier}"]
    return {
        "Version": _VERSION,
        "Statement": [
            {
                "Sid": "RedshiftForThisWarehouseAlone",
                "Effect": "Allow",
                "Principal": {"Service": services},
                "Action": "sts:AssumeRole",
                "Condition": {
                    "StringEquals": {"aws:SourceAccount": context.account},
                    "ArnLike": {"aws:SourceArn": sources},
                },
            }
        ],
    }


def trusted_scope(document: Any, names: Names, context: Context) -> Scope:
    """Region and kind of the one warehouse of this name that a trust policy admits; unknown unless the policy
    is one that :func:`trust` writes.
    """
    for region in set(_REGION.findall(json.dumps(document))):
        for kind in get_args(Kind):
            if same_document(document, trust(replace(names, kind=kind), replace(context, region=region))):
                return Scope(region, kind)
    return Scope()


def permissions(
    readable: Sequence[ReadableS3],
    context: Context,
    *,
    writable: Sequence[ReadableS3] = (),
    kms_key: str | None = None,
) -> dict[str, Any]:
    """What the role may do: get the objects below the prefixes, and list those prefixes. Nothing else.

    :param writable: the prefixes below which it may also write and delete objects, for UNLOAD.
    :param kms_key: the ARN of the KMS key that it may use for these objects.
    """
    arn = f"arn:{context.partition}:s3:::"
    objects = sorted(
        f"{arn}{one.bucket}/{pattern}" for one in readable for pattern in (*_below(one), *_literal(one.objects))
    )
    statements: list[dict[str, Any]] = [
        {"Sid": "GetTheFiles", "Effect": "Allow", "Action": "s3:GetObject", "Resource": objects}
    ]
    statements += [
        {
            "Sid": f"ListTheFiles{number}",
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": f"{arn}{one.bucket}",
            "Condition": {"StringLike": {"s3:prefix": sorted([*_below(one), *_literal(one.objects)])}},
        }
        for number, one in enumerate(readable, start=1)
    ]
    if writable:
        written = sorted(f"{arn}{one.bucket}/{pattern}" for one in writable for pattern in _below(one))
        statements.append(
            {
                "Sid": "WriteTheFiles",
                "Effect": "Allow",
                # To check that nothing is there, and to overwrite: CLEANPATH removes what is there.
                "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
                "Resource": written,
            }
        )
    statements += [
        {
            "Sid": f"ListTheWritten{number}",
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": f"{arn}{one.bucket}",
            "Condition": {"StringLike": {"s3:prefix": sorted(_below(one))}},
        }
        for number, one in enumerate(writable, start=1)
    ]
    if kms_key is not None:
        actions = ["kms:Decrypt", "kms:GenerateDataKey"] if writable else ["kms:Decrypt"]
        statements.append({"Sid": "UseTheKey", "Effect": "Allow", "Action": actions, "Resource": kms_key})
    return {"Version": _VERSION, "Statement": statements}


def _below(one: ReadableS3) -> list[str]:
    return [f"{prefix}/*" if prefix else "*" for prefix in _literal(one.prefixes)]


def _literal(keys: Sequence[str]) -> list[str]:
    """The keys with the characters escaped that IAM reads as wildcards or variables."""
    escapes = {"$": "${$}", "*": "${*}", "?": "${?}"}
    return ["".join(escapes.get(character, character) for character in key) for key in keys]


def same_document(one: Any, other: Any) -> bool:
    """Whether two policies are equivalent: IAM may reorder a list, and write a list of one as its element."""
    return bool(_plain(one) == _plain(other))


def _plain(part: Any) -> Any:
    if isinstance(part, dict):
        return {key: _plain(value) for key, value in part.items()}
    if isinstance(part, list):
        members = sorted(
            (_plain(member) for member in part), key=lambda member: json.dumps(member, sort_keys=True)
        )
        return members[0] if len(members) == 1 else members
    return part


class Role(Resource):
    """The role with its one inline policy."""

    @property
    def noun(self) -> str:
        return f"role {self.names.role}"

    def inspect(self, aws: Aws, context: Context) -> Found | None:
        name = self.names.role
        answer = aws.find(f"inspect the {self.noun}", "iam", "get_role", absent=_GONE, RoleName=name)
        if answer is None:
            return None
        doing = f"inspect the policies of the {self.noun}"
        policies = aws.find(doing, "iam", "list_role_policies", absent=_GONE, RoleName=name) or {}
        attached = aws.find(doing, "iam", "list_attached_role_policies", absent=_GONE, RoleName=name) or {}
        inline = policies.get("PolicyNames", [])
        document: Any = None
        if self.names.policy in inline:
            policy = aws.find(
                doing, "iam", "get_role_policy", absent=_GONE, RoleName=name, PolicyName=self.names.policy
            )
            document = policy["PolicyDocument"] if policy else None
        role = answer["Role"]
        return Found(
            id=role["Arn"],
            tags=tags_of(role.get("Tags", ())),
            facts={
                "trust": role["AssumeRolePolicyDocument"],
                "permissions": document,
                "inline": inline,
                "attached": [policy["PolicyArn"] for policy in attached.get("AttachedPolicies", ())],
            },
        )

    def to_create(self, spec: Spec, context: Context, found: Found | None) -> Sequence[Call]:
        name, trusted = self.names.role, trust(self.names, context)
        allowed = permissions(
            spec.readable,
            context,
            # If the user has a role of their own for UNLOAD, that role writes, not this one.
            writable=spec.writable if spec.unload_role_arn is None else (),
            kms_key=kms_key_arn(spec.s3_kms_key, context.partition, context.region, context.account),
        )
        calls = []
        if found is None:
            calls.append(
                Call(
                    f"create the {self.noun}",
                    "iam",
                    "create_role",
                    {
                        "RoleName": name,
                        "AssumeRolePolicyDocument": json.dumps(trusted),
                        "Description": f"Reads the files that the warehouse {self.names.identifier} loads",
                        "Tags": key_value(self.names.tags_in(context.region)),
                    },
                    retry_on={"EntityAlreadyExists": ""},
                )
            )
        elif None in self.names.scope_of(found.tags):
            # Before the trust policy changes: until now only that policy showed whose the role is.
            calls.append(
                Call(
                    f"tag the {self.noun} with region and kind",
                    "iam",
                    "tag_role",
                    {"RoleName": name, "Tags": key_value(self.names.scope_tags(context.region))},
                )
            )
        if found is not None and not same_document(found.facts["trust"], trusted):
            calls.append(
                Call(
                    f"change who may use the {self.noun}",
                    "iam",
                    "update_assume_role_policy",
                    {"RoleName": name, "PolicyDocument": json.dumps(trusted)},
                )
            )
        if found is None or not same_document(found.facts["permissions"], allowed):
            calls.append(
                Call(
                    f"say what the {self.noun} may read",
                    "iam",
                    "put_role_policy",
                    {"RoleName": name, "PolicyName": self.names.policy, "PolicyDocument": json.dumps(allowed)},
                    # Right after its creation, the role may not be visible everywhere in IAM yet.
                    retry_on={"NoSuchEntity": ""},
                )
            )
        return calls

    def to_delete(self, found: Found, *, final_snapshot: str | None) -> Sequence[Call]:
        name = self.names.role
        gone = dict.fromkeys(_GONE, "")
        return [
            *(
                Call(
                    f"take the policy {arn} from the {self.noun}",
                    "iam",
                    "detach_role_policy",
                    {"RoleName": name, "PolicyArn": arn},
                    retry_on=gone,
                )
                for arn in found.facts["attached"]
            ),
            *(
                Call(
                    f"delete the policy {policy} of the {self.noun}",
                    "iam",
                    "delete_role_policy",
                    {"RoleName": name, "PolicyName": policy},
                    retry_on=gone,
                )
                for policy in found.facts["inline"]
            ),
            Call(f"delete the {self.noun}", "iam", "delete_role", {"RoleName": name}, retry_on=gone),
        ]

    def expected(self, context: Context) -> Found:
        return Found(
            id=role_arn(self.names, context),
            tags=self.names.tags_in(context.region),
            facts={"trust": {}, "permissions": {}, "inline": [self.names.policy], "attached": []},
        )

    def scope(self, found: Found, context: Context) -> Scope:
        """From the tags; for a role that an earlier version created without them, from its trust policy."""
        scope = self.names.scope_of(found.tags)
        return trusted_scope(found.facts["trust"], self.names, context) if None in scope else scope

    def extend(self, context: Context, found: Found) -> Context:
        """The context with the scope of this role, which is unknown if the role is not ours at all."""
        scope = self.scope(found, context) if self.names.owns(found.tags) else Scope()
        return replace(context, role_scope=scope)
