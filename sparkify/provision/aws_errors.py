"""Translate AWS's errors into ours, which say what was found and what to do about it.

Our errors contain no request values and no keys; botocore puts both into some of its messages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectionError,  # noqa: A004
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    SSLError,
    SSOError,
)

from sparkify.config.secrets import MASK
from sparkify.etl.errors import ConfigurationError, SparkifyError, TemporaryError
from sparkify.etl.translation import first_line

__all__ = ["AwsBusy", "AwsRefusal", "scrub", "translated"]

_ACCESS_KEY = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b")
_ACTION = re.compile(r"not authorized to perform:? ([\w-]+:\w+)")
_VALUE = re.compile(r",? ?value: .*", re.DOTALL)

_Meaning = tuple[str, str | None]
"""What was found, and what to do about it."""

_CREDENTIALS_HELP = (
    "Run `aws configure`, or `aws sso login`, or set AWS_PROFILE (or KEY and SECRET in [AWS] of dwh.cfg)."
)
_EXPIRED = (
    "the AWS credentials have expired",
    "Get new ones: `aws sso login`, or new keys from where these came.",
)
_WRONG_KEY = ("AWS does not know the access key", _CREDENTIALS_HELP)
_WRONG_SECRET = ("the secret key does not fit the access key", "Copy both again from where they came.")
_CLOCK = (
    "the clock of this machine is wrong, and AWS takes no request from another time",
    "Set it and try again.",
)
_QUOTA_HELP = "Remove what is not needed, or ask for more under Service Quotas in the AWS console."
_QUOTA = ("a quota of this AWS account is used up", _QUOTA_HELP)
_SNAPSHOT_QUOTA = ("a quota of this AWS account is used up", f"{_QUOTA_HELP} Manual snapshots count as well.")
_CAPACITY = ("AWS has no such nodes free there now", "Try again later, or give another DWH_NODE_TYPE.")
_TAKEN = (
    "something of that name exists already and is not ours",
    "Give another name in [DWH] of dwh.cfg.",
)
_NO_BUCKET = ("there is no such bucket", "Check where the sources are, and MANIFEST_PREFIX, in dwh.cfg.")
_OTHER_REGION = ("that is in another region", "Set REGION in [AWS] of dwh.cfg to it.")
_NOT_ENABLED = ("this account does not use that region or service yet", "Enable it in the AWS console.")
_STATE = (
    "it is in a state in which AWS does not do that",
    "See sparkify-etl cluster status, and try again.",
)
_NO_CLUSTER = ("there is no such cluster in that region", "Check DWH_CLUSTER_IDENTIFIER and REGION.")
_NO_SUBNET_GROUP = ("there is no such subnet group there", "Check DWH_SUBNET_GROUP.")
_SAME_SNAPSHOT = ("a snapshot of that name exists already", "Try again in a second.")
_NO_NETWORK = ("its network has no room or no subnets for it", "Give DWH_SUBNET_GROUP.")
_BAD_KEY = (
    "KEY or SECRET has a character that no access key has",
    "Copy both again from where they came.",
)
_NO_REGION = (
    "no AWS region",
    "Set REGION in [AWS] of dwh.cfg, or AWS_DEFAULT_REGION, to that of your bucket.",
)

_MEANINGS: dict[str, _Meaning] = {
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "RequestExpired": _CLOCK,
    "RequestTimeTooSkewed": _CLOCK,
    "InvalidClientTokenId": _WRONG_KEY,
    "UnrecognizedClientException": _WRONG_KEY,
    "InvalidAccessKeyId": _WRONG_KEY,
    "AuthFailure": _WRONG_KEY,
    "IncompleteSignature": _WRONG_KEY,
    "SignatureDoesNotMatch": _WRONG_SECRET,
    "InvalidSignatureException": _WRONG_SECRET,
    "OptInRequired": _NOT_ENABLED,
    "SubscriptionRequiredException": _NOT_ENABLED,
    "ClusterAlreadyExists": _TAKEN,
    "EntityAlreadyExists": _TAKEN,
    "ConflictException": _STATE,
    "InvalidClusterState": _STATE,
    "ClusterNotFound": _NO_CLUSTER,
    "ClusterSubnetGroupNotFoundFault": _NO_SUBNET_GROUP,
    "ClusterSnapshotAlreadyExists": _SAME_SNAPSHOT,
    "ClusterSnapshotQuotaExceeded": _SNAPSHOT_QUOTA,
    "InsufficientClusterCapacity": _CAPACITY,
    "InsufficientCapacityException": _CAPACITY,
    "NoSuchBucket": _NO_BUCKET,
    "PermanentRedirect": _OTHER_REGION,
    "AuthorizationHeaderMalformed": _OTHER_REGION,
    "IllegalLocationConstraintException": _OTHER_REGION,
    "InvalidVPCNetworkStateFault": _NO_NETWORK,
    "DryRunOperation": ("AWS would do it", None),
}
_DENIED = {
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "UnauthorizedAccess",
    "DependentServiceAccessDenied",
    "403",
}
_TRANSIENT = {
    "Throttling",
    "ThrottlingException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "SlowDown",
    "ServiceUnavailable",
    "InternalFailure",
    "InternalError",
    "InternalServerException",
    "DependentServiceUnavailableFault",
    "DependentServiceRequestThrottlingFault",
    "InsufficientClusterCapacity",
    "InsufficientCapacityException",
}


class _AwsError(SparkifyError):
    """An error that AWS or botocore reported.

    :ivar code: AWS's own error code, or the name of botocore's exception.
    :ivar said: AWS's own message, without secrets.
    """

    def __init__(
        self, found: str, code: str, *, where: str | None = None, hint: str | None = None, said: str = ""
    ) -> None:
        super().__init__(found, where=where, hint=hint)
        self.code = code
        self.said = said


class AwsRefusal(_AwsError, ConfigurationError):
    """AWS or botocore refused the request, and a retry would not help."""

    @property
    def denied(self) -> bool:
        """Whether the identity lacks a permission, rather than something being wrong."""
        return self.code in _DENIED


class AwsBusy(_AwsError, TemporaryError):
    """AWS cannot be reached, or cannot do it now."""


def scrub(text: str, secrets: Iterable[str] = ()) -> str:
    """The text with these secrets, and everything that looks like an access key, masked."""
    for secret in sorted({secret for secret in secrets if secret}, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return _ACCESS_KEY.sub(MASK, text)


@contextmanager
def translated(doing: str, *, secrets: Iterable[str] = (), region: str | None = None) -> Iterator[None]:
    """Translate botocore's exceptions into our errors.

    :param doing: what is being done, such as ``create the role sparkify-redshift``; the error's ``where``.
    :param secrets: what must not appear in any message, nor in the traceback of its cause.
    :raises AwsRefusal: if a retry would not help.
    :raises AwsBusy: if it may help.
    """
    known = tuple(secrets)
    try:
        yield
    except SparkifyError:
        raise
    except (BotoCoreError, ClientError, ValueError, UnicodeError) as exc:
        ours = _explained(exc, doing, known, region)
        raise ours from (exc if _clean(exc, known) else None)


def _clean(error: BaseException | None, secrets: tuple[str, ...]) -> bool:
    """Whether neither the error nor its causes contain a secret."""
    while error is not None:
        text = f"{error!s} {error!r}"
        # Botocore prints a value that fails validation, and it may be a password.
        if isinstance(error, ParamValidationError) or scrub(text, secrets) != text:
            return False
        error = error.__cause__ or error.__context__
    return True


def _explained(error: Exception, doing: str, secrets: tuple[str, ...], region: str | None) -> SparkifyError:
    if isinstance(error, ClientError):
        return _from_answer(error, doing, secrets)
    name = type(error).__name__
    if isinstance(error, ParamValidationError):
        return AwsRefusal(_without_values(str(error)), name, where=doing)
    if isinstance(error, HTTPClientError | ConnectionError) and not isinstance(error, SSLError):
        return _from_network(error, doing, region)
    said = scrub(_VALUE.sub("", first_line(error)), secrets)
    found, hint = _of_this_machine(error, region) or (said, None)
    return AwsRefusal(found, name, where=doing, hint=hint)


def _of_this_machine(error: Exception, region: str | None) -> _Meaning | None:
    """What is wrong on this machine, or with its configuration."""
    if isinstance(error, NoCredentialsError):
        return "there are no AWS credentials", _CREDENTIALS_HELP
    if isinstance(error, PartialCredentialsError):
        return "one half of the AWS credentials is missing", _CREDENTIALS_HELP
    if isinstance(error, ProfileNotFound):
        return (
            "there is no AWS profile of the name that AWS_PROFILE gives",
            "See `aws configure list-profiles`.",
        )
    if isinstance(error, SSOError) or "SSO" in type(error).__name__ or "Token" in type(error).__name__:
        return "the AWS sign-in has expired", "Run `aws sso login`."
    if isinstance(error, CredentialRetrievalError):
        return "the AWS credentials cannot be fetched", "Run the command that your profile names by hand."
    if isinstance(error, NoRegionError):
        return _NO_REGION
    if isinstance(error, InvalidRegionError):
        return f"{region!r} is not a region of AWS", "Set REGION in [AWS] of dwh.cfg to one like us-west-2."
    if isinstance(error, SSLError):
        return "the certificate of AWS is not trusted here", "A proxy may be between: see AWS_CA_BUNDLE."
    if isinstance(error, UnicodeError) or "Invalid header value" in str(error):
        return _BAD_KEY
    return None


def _from_network(error: Exception, doing: str, region: str | None) -> SparkifyError:
    name = type(error).__name__
    # Never the text: an HTTPClientError repeats the header that could not be sent, access key included.
    if "Invalid header value" in str(error):
        found, hint = _BAD_KEY
        return AwsRefusal(found, name, where=doing, hint=hint)
    if isinstance(error, EndpointConnectionError):
        return AwsBusy(
            "AWS cannot be reached",
            name,
            where=doing,
            hint=f"Check the network, and that {region!r} is a region (REGION in [AWS] of dwh.cfg).",
        )
    how = "closed the connection" if isinstance(error, ConnectionClosedError) else "did not answer in time"
    return AwsBusy(f"AWS {how}", name, where=doing, hint="Try again.")


def _from_answer(error: ClientError, doing: str, secrets: tuple[str, ...]) -> SparkifyError:
    answer = error.response.get("Error", {})
    code = str(answer.get("Code", "unknown"))
    said = scrub(str(answer.get("Message", "")).strip(), secrets)
    plain = code.removesuffix("Fault") if code not in _MEANINGS else code
    kind = AwsBusy if code in _TRANSIENT or plain in _TRANSIENT else AwsRefusal
    found, hint = _meaning(code, plain, said, error.operation_name)
    return kind(f"{found} ({code})", code, where=doing, hint=hint, said=said)


def _meaning(code: str, plain: str, said: str, operation: str) -> _Meaning:
    if code in _DENIED:
        action = _ACTION.search(said)
        what = action[1] if action else operation
        return f"your AWS identity may not do {what}", "Ask whoever manages the account to allow it."
    if plain in _MEANINGS:
        return _MEANINGS[plain]
    if "AlreadyExists" in code:
        return _TAKEN
    if ("Quota" in code or "LimitExceeded" in code) and code not in _TRANSIENT:
        return _QUOTA
    if code in _TRANSIENT:
        return "AWS is busy", "Try again."
    return f"AWS refused it: {_first_line(said) or 'without a reason'}", None


def _first_line(text: str) -> str:
    return text.splitlines()[0][:300] if text else ""


def _without_values(text: str) -> str:
    """Botocore's validation report without the values: which parameters are invalid, and why."""
    lines = [line.strip() for line in text.splitlines()[1:] if line.strip()]
    return "; ".join(_VALUE.sub("", line) for line in lines) or "a parameter is not valid"
