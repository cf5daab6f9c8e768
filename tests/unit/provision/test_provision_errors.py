"""AWS errors: each says what was found and what to do, and none contains a secret."""

from __future__ import annotations

import traceback

import botocore.exceptions as boto
import pytest

from sparkify.config.secrets import secrets_of
from sparkify.etl.errors import ConfigurationError, SparkifyError, TemporaryError
from sparkify.provision import Aws, Call
from sparkify.provision.aws_errors import AwsBusy, AwsRefusal, scrub, translated
from tests.support.provision import CANARIES, settings

pytestmark = pytest.mark.usefixtures("clean_environment")


def refused(code: str, message: str = "", operation: str = "CreateCluster") -> boto.ClientError:
    return boto.ClientError({"Error": {"Code": code, "Message": message}}, operation)


MEETS: list[tuple[Exception, type[SparkifyError], str, str]] = [
    (boto.NoCredentialsError(), AwsRefusal, "there are no AWS credentials", "Run `aws configure`"),
    (
        boto.PartialCredentialsError(provider="env", cred_var="x"),
        AwsRefusal,
        "one half of the AWS credentials",
        "",
    ),
    (boto.ProfileNotFound(profile="nobody"), AwsRefusal, "no AWS profile of the name", ""),
    (boto.UnauthorizedSSOTokenError(), AwsRefusal, "the AWS sign-in has expired", "Run `aws sso login`"),
    (
        boto.TokenRetrievalError(provider="sso", error_msg="x"),
        AwsRefusal,
        "the AWS sign-in has expired",
        "Run `aws sso login`",
    ),
    (boto.CredentialRetrievalError(provider="process", error_msg="x"), AwsRefusal, "cannot be fetched", ""),
    (boto.NoRegionError(), AwsRefusal, "no AWS region", "dwh.cfg, or AWS_DEFAULT_REGION, to that"),
    (boto.InvalidRegionError(region_name="x"), AwsRefusal, "'nowhere' is not a region of AWS", ""),
    (
        boto.EndpointConnectionError(endpoint_url="x"),
        AwsBusy,
        "cannot be reached",
        "Check the network, and that 'now",
    ),
    (boto.ConnectTimeoutError(endpoint_url="x"), AwsBusy, "did not answer in time", "Try again"),
    (boto.ReadTimeoutError(endpoint_url="x"), AwsBusy, "did not answer in time", "Try again"),
    (boto.ConnectionClosedError(endpoint_url="x"), AwsBusy, "closed the connection", "Try again"),
    (
        boto.SSLError(endpoint_url="x", error="y"),
        AwsRefusal,
        "certificate of AWS is not trusted here",
        "see AWS_CA_BUNDLE",
    ),
    (refused("ExpiredToken"), AwsRefusal, "credentials have expired", "Get new ones"),
    (refused("ExpiredTokenException"), AwsRefusal, "credentials have expired", "Get new ones"),
    (refused("RequestExpired"), AwsRefusal, "the clock of this machine is wrong", ""),
    (refused("InvalidClientTokenId"), AwsRefusal, "AWS does not know the access key", "Run"),
    (refused("UnrecognizedClientException"), AwsRefusal, "AWS does not know the access key", "Run"),
    (refused("InvalidAccessKeyId"), AwsRefusal, "AWS does not know the access key", "Run"),
    (refused("SignatureDoesNotMatch"), AwsRefusal, "the secret key does not fit", ""),
    (
        refused(
            "AccessDenied", "User: arn:aws:iam::1:user/me is not authorized to perform: iam:CreateRole on x"
        ),
        AwsRefusal,
        "your AWS identity may not do iam:CreateRole",
        "Ask whoever manages the account",
    ),
    (refused("UnauthorizedOperation", "no"), AwsRefusal, "may not do CreateCluster", "Ask"),
    (refused("ClusterQuotaExceeded"), AwsRefusal, "a quota of this AWS account is used up", "Remove"),
    (refused("NumberOfNodesQuotaExceeded"), AwsRefusal, "a quota of this AWS account", ""),
    (refused("SecurityGroupLimitExceeded"), AwsRefusal, "a quota of this AWS account", ""),
    (refused("LimitExceeded"), AwsRefusal, "a quota of this AWS account", ""),
    (refused("ServiceQuotaExceededException"), AwsRefusal, "a quota of this AWS account", ""),
    (refused("ClusterAlreadyExists"), AwsRefusal, "exists already and is not ours", "Give another name"),
    (refused("EntityAlreadyExists"), AwsRefusal, "exists already and is not ours", "Give another name"),
    (refused("NoSuchBucket"), AwsRefusal, "there is no such bucket", "Check where the sources are"),
    (refused("PermanentRedirect"), AwsRefusal, "that is in another region", "Set REGION"),
    (refused("AuthorizationHeaderMalformed"), AwsRefusal, "that is in another region", "Set REGION"),
    (refused("OptInRequired"), AwsRefusal, "does not use that region or service yet", ""),
    (refused("InsufficientClusterCapacity"), AwsBusy, "no such nodes free there now", "Try again later"),
    (refused("InvalidClusterState"), AwsRefusal, "it is in a state", "See sparkify-etl cluster status"),
    (refused("Throttling"), AwsBusy, "AWS is busy", "Try again"),
    (refused("RequestLimitExceeded"), AwsBusy, "AWS is busy", "Try again"),
    (refused("SomethingNew", "It is\nnew"), AwsRefusal, "AWS refused it: It is (SomethingNew)", ""),
]


@pytest.mark.parametrize(("error", "kind", "found", "hint"), MEETS, ids=[repr(case[0])[:60] for case in MEETS])
def test_translated_says_what_was_found_and_what_to_do(
    error: Exception, kind: type[SparkifyError], found: str, hint: str
) -> None:
    with pytest.raises(kind) as caught, translated("create the cluster x", region="nowhere"):
        raise error
    text = str(caught.value)
    assert text.startswith("create the cluster x: ")
    assert caught.value.where == "create the cluster x"
    assert found in caught.value.found
    assert hint in (caught.value.hint or "")
    assert "\n" not in text
    assert caught.value.__cause__ is error


def test_aws_errors_have_exit_codes() -> None:
    assert issubclass(AwsRefusal, ConfigurationError)
    assert issubclass(AwsBusy, TemporaryError)
    assert (AwsRefusal.exit_code, AwsBusy.exit_code) == (2, 75)
    assert AwsRefusal("x", "AccessDenied").denied
    assert not AwsRefusal("x", "NoSuchBucket").denied


def whole_text(error: BaseException) -> str:
    """Everything that --debug prints of an error."""
    return "".join(traceback.format_exception(error)) + str(error) + repr(error)


SECRET = CANARIES["DWH_DB_PASSWORD"]


def wrapped(inner: Exception) -> Exception:
    """An error as botocore wraps one of the HTTP library."""
    outer = boto.HTTPClientError(error=inner)
    outer.__cause__ = inner
    return outer


@pytest.mark.parametrize(
    "error",
    [
        boto.ParamValidationError(
            report=f"Invalid type for parameter MasterUserPassword, value: {SECRET}, type: x"
        ),
        boto.ParamValidationError(
            report=f"Parameter validation failed:\nInvalid length for P, value: {SECRET}"
        ),
        refused("IncompleteSignature", f"must have 5 elements, got '{CANARIES['KEY']}'"),
        refused("New", f"the password {SECRET} is too good"),
        refused("New", "the key ASIAABCDEFGHIJKLMNOP is odd"),
        wrapped(ValueError(f"Invalid header value b'AWS4-HMAC-SHA256 Credential={SECRET}\\n'")),
        ValueError(f"Invalid header value b'AWS4 Credential={CANARIES['KEY']}'"),
        UnicodeEncodeError("latin-1", SECRET, 0, 1, "ordinal not in range"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_translated_has_no_secret_in_error_or_cause(error: Exception) -> None:
    with pytest.raises(SparkifyError) as caught, translated("x", secrets=CANARIES.values()):
        raise error
    text = whole_text(caught.value)
    for secret in (*CANARIES.values(), "ASIAABCDEFGHIJKLMNOP"):
        assert secret not in text
    # Control: the original error contains one.
    assert any(secret in whole_text(error) for secret in (*CANARIES.values(), "ASIAABCDEFGHIJKLMNOP"))


def test_send_names_invalid_parameter_without_value() -> None:
    call = Call("create it", "redshift", "create_cluster", {"MasterUserPassword": [SECRET], "Port": SECRET})
    with pytest.raises(AwsRefusal) as caught:
        Aws(settings(dwh_db_password=SECRET)).send(call)
    text = whole_text(caught.value)
    assert "Invalid type for parameter MasterUserPassword" in str(caught.value)
    assert 'Missing required parameter in input: "NodeType"' in str(caught.value)
    assert SECRET not in text


def test_ask_reports_bad_access_key_without_it() -> None:
    of = settings(aws_access_key_id=CANARIES["KEY"] + "\nx", aws_secret_access_key=CANARIES["SECRET"])
    of = of.model_copy(update={"aws_endpoint_url": "http://127.0.0.1:9"})
    with pytest.raises(SparkifyError) as caught:
        Aws(of).ask("ask", "sts", "get_caller_identity")
    assert "has a character that no access key has" in str(caught.value)
    assert CANARIES["KEY"] not in whole_text(caught.value)


def test_scrub_masks_secrets_and_access_keys() -> None:
    assert scrub("a secret b", ["secret"]) == "a *** b"
    assert scrub("secretive secret", ["secret", "secretive"]) == "*** ***"
    assert scrub("AKIAIOSFODNN7EXAMPLE", [""]) == "***"
    assert scrub("", ["x"]) == ""


def test_secrets_of_finds_every_secret() -> None:
    of = settings(
        aws_access_key_id="a1",
        aws_secret_access_key="b2",
        dwh_db_password="c3",
        db_password="d4",
        database_url="redshift+redshift_connector://u:e%405@h/d",
    )
    assert {"a1", "b2", "c3", "d4", "e@5"} <= set(secrets_of(of))


def test_aws_refuses_half_of_keys() -> None:
    with pytest.raises(ConfigurationError, match="has one of KEY and SECRET"):
        Aws(settings(aws_access_key_id="a1"))


def test_aws_refuses_missing_region(monkeypatch: pytest.MonkeyPatch) -> None:
    of = settings().model_copy(update={"region": None})
    with pytest.raises(ConfigurationError, match="no AWS region.*, or AWS_DEFAULT_REGION, to that"):
        Aws(of)
