import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pvdify.errors import ServerUnreachable
from tests.fakes.api import FakeApi
from tests.unit.client.conftest import client_of

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with openssl")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    file = tmp_path / "both.pem"
    subprocess.run(
        (
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(file),
            "-out", str(tmp_path / "certificate.pem"),
        ),
        check=True,
        capture_output=True,
    )  # fmt: skip
    file.write_text(file.read_text() + (tmp_path / "certificate.pem").read_text())
    return file


@pytest.fixture
def tls_api(certificate: Path) -> Iterator[FakeApi]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with FakeApi(tls=context) as running:
        yield running


def test_https_is_spoken_with_the_systems_authorities(
    tls_api: FakeApi, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What OpenSSL takes for the system's authorities is only to be changed in the environment.
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    assert client_of(tls_api, []).whoami().name == "admin"


def test_a_certificate_without_a_known_issuer_gets_no_token(tls_api: FakeApi) -> None:
    pauses: list[float] = []

    with pytest.raises(ServerUnreachable) as caught:
        client_of(tls_api, pauses).whoami()

    assert "certificate verify failed" in caught.value.why
    assert (tls_api.asked, pauses) == ([], [])
