"""Certificates made on the spot, good and bad ones."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate, which is its own authority."""

    path: Path

    def server_context(self) -> ssl.SSLContext:
        """What a TLS server serves it with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path)
        return context


def make_certificate(
    folder: Path, host: str = "127.0.0.1", age: timedelta = timedelta(hours=1)
) -> Certificate:
    """A certificate for `host`, valid for a day from `age` ago."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    begin = datetime.now(UTC) - age
    alternative: x509.GeneralName = x509.DNSName(host)
    if host[0].isdigit():
        alternative = x509.IPAddress(ip_address(host))
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = folder / f"{host}.pem"
    path.write_bytes(secret + signed.public_bytes(serialization.Encoding.PEM))
    return Certificate(path)
