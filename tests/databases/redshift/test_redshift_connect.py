"""Connecting: the real driver against a scripted server, with credentials from boto3's stubs."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import struct
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
import sqlalchemy as sa
from botocore.stub import Stubber
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sparkify import ConfigurationError, Settings, TemporaryError
from sparkify.databases.redshift.engine import make_engine
from sparkify.databases.redshift.errors import translate as translate_error
from sparkify.redshift.connect import create_redshift_engine
from sparkify.redshift.credentials import ConnectError, Endpoint, Iam, Password, Secret
from standin.server import Standin

CANARY = "hunter2-do-not-print"
HANG = 300
"""Seconds after which a connection is taken to hang."""
CLUSTER = "warehouse.abc123xyz789.us-west-2.redshift.amazonaws.com"
WORKGROUP = "analytics.123456789012.eu-central-1.redshift-serverless.amazonaws.com"

# redshift_connector 2.2 creates its SSLContext without a protocol.
pytestmark = pytest.mark.filterwarnings(
    "ignore:ssl.SSLContext:DeprecationWarning",
    "ignore:ssl.PROTOCOL_TLS:DeprecationWarning",
)


# -- a server


def certificate(directory: Path, name: str) -> Path:
    """A self-signed certificate for ``name``, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    names: list[x509.GeneralName] = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.9"))]
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = directory / f"{name}.pem"
    path.write_bytes(
        signed.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return path


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def refusal(state: str, text: str) -> bytes:
    fields = b"".join(
        key + value.encode() + b"\0" for key, value in ((b"S", "FATAL"), (b"C", state), (b"M", text))
    )
    return message(b"E", fields + b"\0")


READY = (
    message(b"R", struct.pack("!i", 0))
    + message(b"S", b"server_version\0008.0.2\0")
    + message(b"K", struct.pack("!ii", 1, 2))
    + message(b"Z", b"I")
)


class Server:
    """Answers each connection in one way, and remembers the passwords it was given."""

    def __init__(
        self, pem: Path | None, answer: bytes, *, silent: bool = False, to_tls: bytes | None = None
    ) -> None:
        self.pem, self.answer, self.silent, self.to_tls = pem, answer, silent, to_tls
        self.resets = False
        self.passwords: list[str] = []
        self.told = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.open: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
                self.open.append(client)
                if not self.silent:
                    self._talk(client)
            except OSError:
                if self.listener.fileno() == -1:
                    return

    def _talk(self, client: socket.socket) -> None:
        client.recv(8)  # SSLRequest
        if self.to_tls is not None:
            client.sendall(self.to_tls)
            if self.to_tls:
                client.recv(4096)  # ClientHello
            if self.resets:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.close()
            else:
                client.shutdown(socket.SHUT_RDWR)
            return
        if self.pem is None:
            client.sendall(b"N")
            return
        client.sendall(b"S")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pem)
        tls = context.wrap_socket(client, server_side=True)
        self.open.append(tls)
        tls.recv(4096)  # StartupMessage
        tls.sendall(message(b"R", struct.pack("!i", 3)))  # request a clear-text password
        password = tls.recv(4096)
        self.passwords.append(password[5 : struct.unpack("!i", password[1:5])[0]].decode())
        self.told.set()
        tls.sendall(self.answer)

    def close(self) -> None:
        for one in (self.listener, *self.open):
            one.close()


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    servers: list[Server] = []
    # The certificate that the driver trusts besides Amazon's.
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate(tmp_path, "nobody.example")))

    def start(
        answer: bytes = READY,
        *,
        name: str | None = "localhost",
        silent: bool = False,
        trusted: bool = True,
        to_tls: bytes | None = None,
    ) -> Server:
        pem = None if name is None else certificate(tmp_path, name)
        if pem is not None and trusted:
            monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        servers.append(Server(pem, answer, silent=silent, to_tls=to_tls))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@contextmanager
def connected(port: int, *, host: str = "localhost", credentials: Any = None, **options: Any) -> Iterator[Any]:
    """A connection of the driver. The server cannot answer SQLAlchemy's first questions, so none are asked."""
    credentials = credentials or Password("loader", CANARY)
    engine = create_redshift_engine(
        host, "dev", credentials, port=port, _initialize=False, **{"connect_timeout": HANG, **options}
    )
    fairy = engine.raw_connection()
    connection: Any = fairy.dbapi_connection
    yield connection
    fairy.detach()
    connection._sock.close()
    connection._usock.close()


def refused(port: int, **options: Any) -> ConnectError:
    with pytest.raises(ConnectError) as raised, connected(port, **options):
        pass
    shown = "".join(traceback.format_exception(raised.value)) + repr(raised.value) + str(vars(raised.value))
    assert CANARY not in shown
    assert "\n" not in str(raised.value)
    assert str(raised.value).endswith(f"; {raised.value.hint}")
    return raised.value


def test_it_connects_and_queries_may_take_longer_than_connecting(serve: Any) -> None:
    server = serve()
    with connected(server.port) as connection:
        assert server.passwords == [CANARY]
        assert connection._usock.gettimeout() is None
        assert connection._usock.version().startswith("TLSv1.")


def test_a_certificate_for_another_name_is_refused(serve: Any) -> None:
    server = serve(name="elsewhere.example")
    error = refused(server.port)
    assert str(error) == (
        f"cannot connect to localhost:{server.port}: its certificate is for another name; "
        "connect by the endpoint's own name (for a tunnel, sslmode verify-ca)"
    )
    assert server.passwords == []  # the password was not sent
    # Through a tunnel the name cannot match, but the certificate must still be trusted.
    with connected(server.port, sslmode="verify-ca"):
        assert server.passwords == [CANARY]


def test_the_driver_itself_would_only_warn(serve: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The reason why sslmode is always said. When this fails, the driver has become strict."""
    import redshift_connector

    server = serve(name="elsewhere.example")
    connection = redshift_connector.connect(
        host="localhost", port=server.port, database="dev", user="u", password=CANARY, timeout=HANG
    )
    connection._sock.close()
    connection._usock.close()
    assert 'does not name host "localhost"' in caplog.text
    assert server.passwords == [CANARY]


def test_an_unknown_certificate_is_refused(serve: Any) -> None:
    error = refused(serve(trusted=False).port)
    assert "its certificate is not trusted (self-signed certificate)" in str(error)
    assert error.hint == "it may not be Redshift that answers; check the host name and the network between"


def test_a_server_without_tls_is_refused(serve: Any) -> None:
    server = serve(name=None)
    assert "the server does not speak TLS" in str(refused(server.port))
    assert server.passwords == []


@pytest.mark.parametrize("resets", [False, True])
@pytest.mark.parametrize("to_tls", [b"", b"S"])
def test_server_that_hangs_up_before_tls_is_temporary(to_tls: bytes, resets: bool, serve: Any) -> None:
    server = serve(to_tls=to_tls)
    server.resets = resets
    error = refused(server.port)
    assert error.found == "the connection was closed at once"
    assert error.temporary


@pytest.mark.parametrize(
    ("state", "text", "found", "temporary"),
    [
        ("28000", "password authentication failed for user", "the user or the password is wrong", False),
        ("28P01", "password authentication failed for user", "the user or the password is wrong", False),
        ("3D000", 'database "dev" does not exist', "there is no such database", False),
        ("53300", "too many connections", "the server takes no connection now (SQLSTATE 53300)", True),
    ],
)
def test_a_refusal_of_the_server(state: str, text: str, found: str, temporary: bool, serve: Any) -> None:
    error = refused(serve(refusal(state, text)).port)
    assert error.found == found
    assert error.temporary is temporary


def test_another_refusal_stays_as_it_is(serve: Any) -> None:
    server = serve(refusal("XX000", "something new"))
    with pytest.raises(Exception, match="something new"), connected(server.port):
        pass


def test_a_server_that_hangs_up(serve: Any) -> None:
    server = serve(b"")
    server.answer = b""

    def hang_up() -> None:
        server.told.wait(HANG)
        server.close()

    threading.Thread(target=hang_up).start()
    assert refused(server.port).temporary


def test_a_silent_server_is_given_up(serve: Any) -> None:
    error = refused(serve(silent=True).port, connect_timeout=1)
    assert error.found == "no answer in time"
    assert error.temporary


def test_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert refused(port).found == "nothing listens there"


def test_an_unknown_host() -> None:
    assert refused(5439, host="no-such-host.invalid").found == "no such host"


def test_no_secret_is_shown() -> None:
    engine = create_redshift_engine(CLUSTER, "dev", Password("loader", CANARY), application_name="tests")
    shown = [repr(engine), str(engine.url), engine.url.render_as_string(hide_password=False), repr(engine.pool)]
    shown += [repr(c) for c in (Password("loader", CANARY), Secret("name"), Iam())]
    assert CANARY not in "".join(shown)
    assert repr(Password("loader", CANARY)) == "Password(user='loader')"
    assert engine.hide_parameters
    assert type(engine.dialect).__module__ == "sparkify.redshift.dialect"


# -- who connects


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (CLUSTER, Endpoint("warehouse", "us-west-2", serverless=False)),
        (WORKGROUP, Endpoint("analytics", "eu-central-1", serverless=True)),
        (WORKGROUP.upper() + ".", Endpoint("analytics", "eu-central-1", serverless=True)),
        (
            "wg.123456789012.cn-north-1.redshift-serverless.amazonaws.com.cn",
            Endpoint("wg", "cn-north-1", serverless=True),
        ),
        ("warehouse.example.com", None),
        (f"{CLUSTER}.evil.example", None),
        ("localhost", None),
    ],
)
def test_an_endpoint_is_told_from_its_host_name(host: str, expected: Endpoint | None) -> None:
    assert Endpoint.of(host) == expected


class Session:
    """A boto3 session whose clients are stubs; ``asked`` are the services and regions."""

    def __init__(self, service: str, *answers: tuple[str, dict[str, Any], Any]) -> None:
        self.asked: list[tuple[str, str | None]] = []
        self.made = boto3.client(
            service, region_name="us-west-2", aws_access_key_id="testing", aws_secret_access_key="testing"
        )
        self.stub = Stubber(self.made)
        for method, parameters, answer in answers:
            if isinstance(answer, str):
                self.stub.add_client_error(method, answer, expected_params=parameters)
            else:
                self.stub.add_response(method, answer, parameters)
        self.stub.activate()

    def client(self, service: str, region_name: str | None = None) -> Any:
        self.asked.append((service, region_name))
        return self.made


def expiring(seconds: int) -> dt.datetime:
    return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)


def cluster_answer(password: str, seconds: int = 900) -> dict[str, Any]:
    return {"DbUser": "IAM:loader", "DbPassword": password, "Expiration": expiring(seconds)}


def test_iam_of_a_cluster_is_remembered_and_renewed() -> None:
    wanted = {"ClusterIdentifier": "warehouse", "DbName": "dev", "DbUser": "loader", "AutoCreate": False}
    session = Session(
        "redshift",
        ("get_cluster_credentials", wanted, cluster_answer("one")),
        ("get_cluster_credentials", wanted, cluster_answer("two", seconds=59)),
        ("get_cluster_credentials", wanted, cluster_answer("three")),
    )
    iam = Iam(db_user="loader", session=session)
    assert iam.user_and_password(CLUSTER, "dev") == ("IAM:loader", "one")
    assert iam.user_and_password(CLUSTER, "dev") == ("IAM:loader", "one")  # cached
    iam.refused()
    assert iam.user_and_password(CLUSTER, "dev") == ("IAM:loader", "two")  # the server rejected the first
    assert iam.user_and_password(CLUSTER, "dev") == (
        "IAM:loader",
        "three",
    )  # the second expires within a minute
    assert session.asked[0] == ("redshift", "us-west-2")
    session.stub.assert_no_pending_responses()
    assert "three" not in repr(iam)


def test_iam_of_a_cluster_without_a_database_user() -> None:
    wanted = {"ClusterIdentifier": "other", "DbName": "dev"}
    session = Session("redshift", ("get_cluster_credentials_with_iam", wanted, cluster_answer("one")))
    iam = Iam(cluster="other", region="eu-west-1", session=session)
    assert iam.user_and_password("warehouse.example.com", "dev") == ("IAM:loader", "one")
    assert session.asked == [("redshift", "eu-west-1")]


def test_iam_of_a_workgroup() -> None:
    answer = {"dbUser": "IAMR:etl", "dbPassword": "one", "expiration": expiring(900)}
    session = Session(
        "redshift-serverless", ("get_credentials", {"workgroupName": "analytics", "dbName": "dev"}, answer)
    )
    assert Iam(session=session).user_and_password(WORKGROUP, "dev") == ("IAMR:etl", "one")
    assert session.asked == [("redshift-serverless", "eu-central-1")]


def test_a_host_that_tells_nothing_wants_a_name() -> None:
    with pytest.raises(ConnectError, match="say cluster or workgroup, and region"):
        Iam().user_and_password("warehouse.example.com", "dev")


def test_a_refusal_of_aws_is_one_line_with_its_code() -> None:
    wanted = {"ClusterIdentifier": "warehouse", "DbName": "dev"}
    session = Session("redshift", ("get_cluster_credentials_with_iam", wanted, "AccessDenied"))
    with pytest.raises(ConnectError) as raised:
        Iam(session=session).user_and_password(CLUSTER, "dev")
    assert str(raised.value) == (
        f"cannot connect to {CLUSTER}: AWS does not give credentials (AccessDenied); "
        "check the permissions of this AWS identity, the region and the name"
    )
    assert not raised.value.temporary


def test_no_aws_credentials_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(ConnectError, match=r"AWS cannot be asked for credentials \(NoCredentialsError\)"):
        Iam(session=boto3.Session()).user_and_password(CLUSTER, "dev")


@pytest.mark.parametrize("credentials", [Iam(), Secret("dwh")])
def test_aws_that_does_not_answer_is_temporary(
    monkeypatch: pytest.MonkeyPatch, credentials: Iam | Secret
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(ConnectError, match=r"asked for credentials \(EndpointConnectionError\)") as raised:
        credentials.user_and_password(CLUSTER, "dev")
    assert raised.value.temporary


@pytest.mark.parametrize(
    ("credentials", "error"),
    [(Iam(cluster="warehouse"), "NoRegionError"), (Secret("dwh"), "ProfileNotFound")],
)
def test_aws_that_is_not_configured_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, credentials: Iam | Secret, error: str
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    if error == "ProfileNotFound":
        monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(ConnectError, match=rf"AWS cannot be asked for credentials \({error}\)") as raised:
        credentials.user_and_password("localhost", "dev")
    assert not raised.value.temporary
    # boto3 does not read AWS_REGION.
    assert "AWS_DEFAULT_REGION" in str(raised.value)


def test_a_secret_is_read_for_each_connection() -> None:
    texts = [
        '{"username": "loader", "password": "one", "host": "h"}',
        '{"username": "loader", "password": "two"}',
    ]
    session = Session(
        "secretsmanager",
        *[("get_secret_value", {"SecretId": "warehouse/loader"}, {"SecretString": text}) for text in texts],
    )
    secret = Secret("warehouse/loader", session=session)
    assert secret.user_and_password(CLUSTER, "dev") == ("loader", "one")
    assert secret.user_and_password(CLUSTER, "dev") == ("loader", "two")
    assert session.asked[0] == ("secretsmanager", "us-west-2")


@pytest.mark.parametrize("text", [f'{{"password": "{CANARY}"}}', CANARY, f'["{CANARY}"]'])
def test_a_secret_of_another_form_is_not_shown(text: str) -> None:
    session = Session("secretsmanager", ("get_secret_value", {"SecretId": "s"}, {"SecretString": text}))
    with pytest.raises(ConnectError) as raised:
        Secret("s", session=session).user_and_password(CLUSTER, "dev")
    assert "the secret s is not JSON with username and password" in str(raised.value)
    assert raised.value.__context__ is None  # a JSON error would have the text as an attribute
    assert CANARY not in "".join(traceback.format_exception(raised.value))


def test_refused_credentials_are_forgotten(serve: Any) -> None:
    wanted = {"ClusterIdentifier": "warehouse", "DbName": "dev"}
    session = Session(
        "redshift",
        *[
            ("get_cluster_credentials_with_iam", wanted, cluster_answer(password))
            for password in ("one", "two")
        ],
    )
    server = serve(refusal("28000", "password authentication failed"))
    iam = Iam(cluster="warehouse", region="us-west-2", session=session)
    for _ in range(2):
        refused(server.port, credentials=iam)
    assert server.passwords == ["one", "two"]


# -- settings and options of the URL


def login_of(url: str, **settings: Any) -> dict[str, Any]:
    """How an engine for the URL would be made, and for whom."""
    made: dict[str, Any] = {}

    def keep(host: str, database: str, credentials: Any, **options: Any) -> None:
        made.update(options, host=host, credentials=credentials)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sparkify.databases.redshift.engine.create_redshift_engine", keep)
        make_engine(sa.make_url(url), Settings.load(**settings))
    return made


def test_settings_say_how_to_connect() -> None:
    made = login_of(f"redshift+redshift_connector://loader:{CANARY}@{CLUSTER}/dev")
    defaults = ("verify-full", 30, 60, None, None)
    names = ("sslmode", "connect_timeout", "keepalive", "statement_timeout", "query_group")
    assert tuple(made.get(name) for name in names) == defaults
    given = {"sslmode": "verify-ca", "connect_timeout": 5, "keepalive": 20, "statement_timeout": 900}
    made = login_of(f"redshift+redshift_connector://loader:{CANARY}@{CLUSTER}/dev", **given, query_group="etl")
    assert {name: made[name] for name in given} == given
    assert made["query_group"] == "etl"


def test_options_of_the_url_override_the_settings() -> None:
    made = login_of(
        f"redshift+redshift_connector://loader:{CANARY}@localhost/dev?sslmode=verify-ca&keepalive=20"
        "&statement_timeout=900&query_group=etl&connect_timeout=5",
        sslmode="verify-full",
        keepalive=100,
    )
    assert (made["sslmode"], made["keepalive"], made["statement_timeout"]) == ("verify-ca", 20, 900)
    assert (made["query_group"], made["connect_timeout"]) == ("etl", 5)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (
            "ssl_mode=verify-ca",
            "an option that is not known: ssl_mode. Did you mean sslmode? There are sslmode,",
        ),
        ("whatever=1", "an option that is not known: whatever. There are sslmode, connect_timeout"),
        ("sslmode=disable", "the option sslmode of the database URL takes verify-full or verify-ca"),
        ("keepalive=soon", "the option keepalive of the database URL takes seconds"),
        ("statement_timeout=0", "the option statement_timeout of the database URL takes seconds"),
    ],
)
def test_option_of_the_url_that_cannot_be_honoured_is_refused(query: str, said: str) -> None:
    url = f"redshift+redshift_connector://loader:{CANARY}@{CLUSTER}/dev?{query}"
    with pytest.raises(ConfigurationError) as stopped:
        login_of(url)
    assert said in str(stopped.value)
    assert CANARY not in str(stopped.value)


@pytest.mark.parametrize(
    ("url", "settings", "expected"),
    [
        (f"{CLUSTER}/dev", {}, Iam()),
        (f"loader@{CLUSTER}/dev", {}, Iam(db_user="loader")),
        # The buckets' region does not apply to the cluster, whose region is in its host name.
        (f"{CLUSTER}/dev", {"region": "eu-west-1"}, Iam()),
        (f"{CLUSTER}/dev?region=eu-west-1", {}, Iam(region="eu-west-1")),
        (
            "dwh.example.com/dev",
            {"cluster": "warehouse", "region": "eu-west-1"},
            Iam(cluster="warehouse", region="eu-west-1"),
        ),
        ("localhost/dev?workgroup=etl&region=eu-west-1", {}, Iam(workgroup="etl", region="eu-west-1")),
        (
            "dwh.example.com/dev",
            {"db_secret_id": "login", "region": "eu-west-1"},
            Secret("login", region="eu-west-1"),
        ),
    ],
)
def test_login_is_told_by_url_and_settings(url: str, settings: dict[str, Any], expected: Any) -> None:
    made = login_of(f"redshift+redshift_connector://{url}", **settings)
    assert repr(made["credentials"].of) == repr(expected)


def test_user_of_a_host_is_the_identity_unless_there_is_a_password() -> None:
    assert Settings.load(host=CLUSTER).url.username is None
    assert Settings.load(host=CLUSTER, db_user="loader").url.username == "loader"
    assert Settings.load(host=CLUSTER, db_password=CANARY).url.username == "awsuser"


def test_connection_is_probed_and_has_limits(redshift: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(redshift.ca_file))
    url = sa.make_url(redshift.url).update_query_dict(
        {"keepalive": "30", "statement_timeout": "5", "query_group": "etl's"}
    )
    engine = make_engine(url, None)
    with engine.connect() as connection:
        driver: Any = connection.connection.dbapi_connection
        options = [
            driver._usock.getsockopt(level, option)
            for level, option in (
                (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
                (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL),
                (socket.IPPROTO_TCP, socket.TCP_KEEPCNT),
                (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
            )
        ]
        assert options[1:] == [30, 5, 6, 60_000]
        assert options[0] != 0
        assert connection.exec_driver_sql("SHOW statement_timeout").scalar() in ("5s", "5000")
        assert "SET query_group TO 'etl''s'" in [one.sql for one in redshift.statements]
    engine.dispose()


def test_statement_beyond_its_limit_is_cancelled(redshift: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(redshift.ca_file))
    engine = make_engine(sa.make_url(redshift.url).update_query_dict({"statement_timeout": "1"}), None)
    redshift.inject("delay", "^SELECT 'slow'", seconds=HANG)
    with engine.connect() as connection, pytest.raises(sa.exc.DBAPIError) as stopped:
        connection.exec_driver_sql("SELECT 'slow'")
    assert isinstance(translate_error(stopped.value), TemporaryError)
    engine.dispose()
