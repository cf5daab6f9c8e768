"""Certificates for the stand-in: its own authority, and the certificates it signs, valid and invalid."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


class Authority:
    """Writes a CA certificate and one server certificate of each kind into a directory."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.ca_file = directory / "ca.pem"
        now = dt.datetime.now(dt.UTC)
        key, certificate = _authority("stand-in CA", now)
        self.ca_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        stranger_key, stranger = _authority("some other CA", now)
        day = dt.timedelta(days=1)
        self._write("good", key, certificate, now - day, now + 30 * day)
        self._write("wrong-host", key, certificate, now - day, now + 30 * day, names=("elsewhere.example",))
        self._write("expired", key, certificate, now - 30 * day, now - day)
        self._write("not-yet-valid", key, certificate, now + day, now + 30 * day)
        client = ExtendedKeyUsageOID.CLIENT_AUTH
        self._write("of-a-client", key, certificate, now - day, now + 30 * day, purpose=client)
        self._write("untrusted", stranger_key, stranger, now - day, now + 30 * day)

    def context(self, kind: str = "good") -> ssl.SSLContext:
        """A server context that presents the certificate of this kind."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.directory / f"{kind}.pem", self.directory / f"{kind}.key")
        return context

    def _write(
        self,
        kind: str,
        issuer_key: ec.EllipticCurvePrivateKey,
        issuer: x509.Certificate,
        start: dt.datetime,
        end: dt.datetime,
        *,
        names: tuple[str, ...] = ("localhost",),
        purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
    ) -> None:
        """Sign a server certificate and write it with its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
        if "localhost" in names:
            alternatives.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_name(names[0]))
            .issuer_name(issuer.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(end)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(issuer_key, hashes.SHA256())
        )
        (self.directory / f"{kind}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        private = self.directory / f"{kind}.key"
        private.touch(mode=0o600)
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _authority(common: str, now: dt.datetime) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """The key and the certificate of an authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    usage = dict.fromkeys(
        (
            *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
            *("key_agreement", "encipher_only", "decipher_only"),
        ),
        False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_name(common))
        .issuer_name(_name(common))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=60))
        .not_valid_after(now + dt.timedelta(days=60))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return key, certificate
