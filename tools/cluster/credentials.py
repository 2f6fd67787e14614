"""Certificates, tokens and kubeconfigs of one cluster. They are worth nothing outside of it."""

import base64
import datetime
import ipaddress
import json
import secrets
from collections.abc import Mapping
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from tools.cluster.layout import API_PORT, CONTROL_PLANE, FIRST_SERVICE, Layout

DAYS = 30
API_NAMES = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost")
API_ADDRESSES = (CONTROL_PLANE, FIRST_SERVICE, "127.0.0.1")


class Credentials:
    """Writes them below ``layout.folder``."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self.folder = layout.folder / "credentials"

    def write(self) -> None:
        self.folder.mkdir(parents=True)
        self._write_certificates()
        self._write_account_key()
        self._write_tokens()

    def kubeconfig(self, user: str) -> Path:
        """Of ``admin``, ``controllers``, ``scheduler``, ``proxy`` or a worker."""
        return self._layout.kubeconfig if user == "admin" else self.folder / f"{user}.conf"

    def _write_certificates(self) -> None:
        ca_key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pvdify test cluster")])
        authority = _certificate(name, name, ca_key.public_key())
        authority = authority.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        (self.folder / "ca.crt").write_bytes(_pem(authority.sign(ca_key, hashes.SHA256())))
        key = ec.generate_private_key(ec.SECP256R1())
        server = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kube-apiserver")])
        certificate = _certificate(server, name, key.public_key()).add_extension(_alternatives(), critical=False)
        (self.folder / "api.crt").write_bytes(_pem(certificate.sign(ca_key, hashes.SHA256())))
        _write_key(self.folder / "api.key", key)

    def _write_account_key(self) -> None:
        """The key that signs the tokens of service accounts."""
        key = rsa.generate_private_key(65537, 2048)
        _write_key(self.folder / "accounts.key", key)
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        (self.folder / "accounts.pub").write_bytes(public)

    def _write_tokens(self) -> None:
        users = self._users()
        tokens = {user: secrets.token_hex(16) for user in users}
        lines = (f'{tokens[user]},{name},{user},"{group}"\n' for user, (name, group) in users.items())
        _write_secret(self.folder / "tokens.csv", "".join(lines))
        for user, token in tokens.items():
            _write_secret(self.kubeconfig(user), json.dumps(self._config(token), indent=2) + "\n")

    def _users(self) -> Mapping[str, tuple[str, str]]:
        """User -> what the API calls it, and its group."""
        nodes = {node.name: (f"system:node:{node.name}", "system:nodes") for node in self._layout.workers}
        return {
            "admin": ("admin", "system:masters"),
            "controllers": ("system:kube-controller-manager", ""),
            "scheduler": ("system:kube-scheduler", ""),
            "proxy": ("system:kube-proxy", ""),
            **nodes,
        }

    def _config(self, token: str) -> Mapping[str, object]:
        """A kubeconfig; JSON is YAML."""
        authority = base64.b64encode((self.folder / "ca.crt").read_bytes()).decode()
        cluster = {"server": f"https://{CONTROL_PLANE}:{API_PORT}", "certificate-authority-data": authority}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": self._layout.name, "cluster": cluster}],
            "users": [{"name": "user", "user": {"token": token}}],
            "contexts": [{"name": self._layout.name, "context": {"cluster": self._layout.name, "user": "user"}}],
            "current-context": self._layout.name,
        }


def _alternatives() -> x509.SubjectAlternativeName:
    addresses = (x509.IPAddress(ipaddress.ip_address(each)) for each in API_ADDRESSES)
    return x509.SubjectAlternativeName([*(x509.DNSName(each) for each in API_NAMES), *addresses])


def _certificate(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.not_valid_before(now - datetime.timedelta(hours=1))
    return builder.not_valid_after(now + datetime.timedelta(days=DAYS)).serial_number(x509.random_serial_number())


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _write_key(file: Path, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    _write_secret(file, text.decode())


def _write_secret(file: Path, text: str) -> None:
    file.touch(mode=0o600)
    file.write_text(text, encoding="ascii")
