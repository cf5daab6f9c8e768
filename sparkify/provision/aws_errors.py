"""What AWS's errors mean to whoever meets them: one sentence each, with the way out, raised as ours.

No value of a request and no key is in any of them: botocore puts both into some of its messages.
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

from sparkify.config.settings import MASK
from sparkify.etl.errors import ConfigurationError, SparkifyError, TemporaryError

__all__ = ["AwsBusy", "AwsRefusal", "scrub", "translated"]

_ACCESS_KEY = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b")
_ACTION = re.compile(r"not authorized to perform:? ([\w-]+:\w+)")
_VALUE = re.compile(r",? ?value: .*", re.DOTALL)

_CREDENTIALS_HELP = (
    "run `aws configure`, or `aws sso login`, or set AWS_PROFILE (or KEY and SECRET in [AWS] of dwh.cfg)"
)
_EXPIRED = "the AWS credentials have expired; get new ones: `aws sso login`, or new keys from where these came"
_WRONG_KEY = "AWS does not know the access key; " + _CREDENTIALS_HELP
_WRONG_SECRET = "the secret key does not fit the access key; copy both again from where they came"  # noqa: S105
_CLOCK = "the clock of this machine is wrong, and AWS takes no request from another time; set it and try again"
_QUOTA = (
    "a quota of this AWS account is used up; remove what is not needed, or ask for more under "
    "Service Quotas in the AWS console"
)
_CAPACITY = "AWS has no such nodes free there now; try again later, or give another DWH_NODE_TYPE"
_TAKEN = "something of that name exists already and is not ours; give another name in [DWH] of dwh.cfg"
_NO_BUCKET = "there is no such bucket; check LOG_DATA, SONG_DATA, LOG_JSONPATH and MANIFEST_PREFIX"
_OTHER_REGION = "that is in another region; set REGION in [AWS] of dwh.cfg to it"
_NOT_ENABLED = "this account does not use that region or service yet; enable it in the AWS console"
_STATE = "it is in a state in which AWS does not do that; see sparkify-etl cluster status, and try again"

_SENTENCES = {
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
    "ClusterNotFound": "there is no such cluster in that region; check DWH_CLUSTER_IDENTIFIER and REGION",
    "ClusterSubnetGroupNotFoundFault": "there is no such subnet group there; check DWH_SUBNET_GROUP",
    "ClusterSnapshotAlreadyExists": "a snapshot of that name exists already; try again in a second",
    "ClusterSnapshotQuotaExceeded": _QUOTA + "; manual snapshots count as well",
    "InsufficientClusterCapacity": _CAPACITY,
    "InsufficientCapacityException": _CAPACITY,
    "NoSuchBucket": _NO_BUCKET,
    "PermanentRedirect": _OTHER_REGION,
    "AuthorizationHeaderMalformed": _OTHER_REGION,
    "IllegalLocationConstraintException": _OTHER_REGION,
    "InvalidVPCNetworkStateFault": "its network has no room or no subnets for it; give DWH_SUBNET_GROUP",
    "DryRunOperation": "AWS would do it",
}
_DENIED = {
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "UnauthorizedAccess",
    "DependentServiceAccessDenied",
    "403",
}
_PASSING = {
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


class AwsRefusal(ConfigurationError):
    """AWS does not do what was asked, and would not do it a second time.

    :ivar code: AWS's own word for it, or the name of botocore's error.
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def denied(self) -> bool:
        """Whether the identity lacks a right, rather than something being wrong."""
        return self.code in _DENIED


class AwsBusy(TemporaryError):
    """AWS cannot be reached, or not now.

    :ivar code: AWS's own word for it, or the name of botocore's error.
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


def scrub(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without these secrets, and without whatever looks like an access key."""
    for secret in sorted({secret for secret in secrets if secret}, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return _ACCESS_KEY.sub(MASK, text)


@contextmanager
def translated(doing: str, *, secrets: Iterable[str] = (), region: str | None = None) -> Iterator[None]:
    """Turn what botocore raises into one sentence.

    :param doing: what is being done, to begin the sentence with: ``create the role sparkify-redshift``.
    :param secrets: what may stand in no message, nor in the traceback of its cause.
    :raises AwsRefusal: when trying again is of no use.
    :raises AwsBusy: when it may be.
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
    """Whether nothing secret is in the error, nor in what it came from."""
    while error is not None:
        text = f"{error!s} {error!r}"
        # What does not pass validation is printed with its value, which may be a password.
        if isinstance(error, ParamValidationError) or scrub(text, secrets) != text:
            return False
        error = error.__cause__ or error.__context__
    return True


def _explained(error: Exception, doing: str, secrets: tuple[str, ...], region: str | None) -> SparkifyError:
    if isinstance(error, ClientError):
        return _from_answer(error, doing, secrets)
    name = type(error).__name__
    if isinstance(error, ParamValidationError):
        return AwsRefusal(f"{doing}: {_without_values(str(error))}", name)
    if isinstance(error, HTTPClientError | ConnectionError) and not isinstance(error, SSLError):
        return _from_network(error, doing, region)
    sentence = _of_this_machine(error, region)
    if sentence is None:
        sentence = scrub(_VALUE.sub("", (str(error).strip() or name).splitlines()[0]), secrets)
    return AwsRefusal(f"{doing}: {sentence}", name)


def _of_this_machine(error: Exception, region: str | None) -> str | None:
    """What is wrong before anything was sent."""
    if isinstance(error, NoCredentialsError):
        return f"there are no AWS credentials; {_CREDENTIALS_HELP}"
    if isinstance(error, PartialCredentialsError):
        return f"one half of the AWS credentials is missing; {_CREDENTIALS_HELP}"
    if isinstance(error, ProfileNotFound):
        return "there is no AWS profile of the name that AWS_PROFILE gives; see `aws configure list-profiles`"
    if isinstance(error, SSOError) or "SSO" in type(error).__name__ or "Token" in type(error).__name__:
        return "the AWS sign-in has expired; run `aws sso login`"
    if isinstance(error, CredentialRetrievalError):
        return "the AWS credentials cannot be fetched; run the command that your profile names by hand"
    if isinstance(error, NoRegionError):
        return "no AWS region; set REGION in [AWS] of dwh.cfg, or AWS_REGION, to that of your bucket"
    if isinstance(error, InvalidRegionError):
        return f"{region!r} is not a region of AWS; set REGION in [AWS] of dwh.cfg to one like us-west-2"
    if isinstance(error, SSLError):
        return "the certificate of AWS is not trusted here; a proxy may be between: see AWS_CA_BUNDLE"
    if isinstance(error, UnicodeError) or "Invalid header value" in str(error):
        return "KEY or SECRET has a character that no access key has; copy both again from where they came"
    return None


def _from_network(error: Exception, doing: str, region: str | None) -> SparkifyError:
    name = type(error).__name__
    # Never the text: an HTTPClientError repeats the header that could not be sent, with the access key.
    if "Invalid header value" in str(error):
        return AwsRefusal(f"{doing}: {_of_this_machine(ValueError('Invalid header value'), region)}", name)
    if isinstance(error, EndpointConnectionError):
        return AwsBusy(
            f"{doing}: AWS cannot be reached; check the network, and that {region!r} is a region "
            "(REGION in [AWS] of dwh.cfg)",
            name,
        )
    how = "closed the connection" if isinstance(error, ConnectionClosedError) else "did not answer in time"
    return AwsBusy(f"{doing}: AWS {how}; try again", name)


def _from_answer(error: ClientError, doing: str, secrets: tuple[str, ...]) -> SparkifyError:
    answer = error.response.get("Error", {})
    code = str(answer.get("Code", "unknown"))
    said = scrub(str(answer.get("Message", "")).strip(), secrets)
    plain = code.removesuffix("Fault") if code not in _SENTENCES else code
    if code in _DENIED:
        action = _ACTION.search(said)
        what = action[1] if action else error.operation_name
        sentence = f"your AWS identity may not do {what}; ask whoever manages the account to allow it"
    elif "AlreadyExists" in code and plain not in _SENTENCES:
        sentence = _TAKEN
    elif ("Quota" in code or "LimitExceeded" in code) and code not in {*_PASSING, *_SENTENCES}:
        sentence = _QUOTA
    elif plain in _SENTENCES:
        sentence = _SENTENCES[plain]
    elif code in _PASSING:
        sentence = "AWS is busy; try again"
    else:
        sentence = f"AWS refused it: {_first_line(said) or 'without a reason'}"
    kind = AwsBusy if code in _PASSING or plain in _PASSING else AwsRefusal
    return kind(f"{doing}: {sentence} ({code})", code)


def _first_line(text: str) -> str:
    return text.splitlines()[0][:300] if text else ""


def _without_values(text: str) -> str:
    """A report of botocore's validation: which parameters, and why; the values left out."""
    lines = [line.strip() for line in text.splitlines()[1:] if line.strip()]
    return "; ".join(_VALUE.sub("", line) for line in lines) or "a parameter is not valid"
