"""A store for objects that speaks S3: the server of moto, which others keep."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Self

from tests.support.waiting import wait_until


class ObjectStore:
    """Use as a context manager. It speaks TLS where it is given ``certificate`` and ``key``."""

    def __init__(self, host: str, port: int, certificate: Path | None = None, key: Path | None = None) -> None:
        tls = ("--ssl-cert", str(certificate), "--ssl-key", str(key)) if certificate and key else ()
        self._address = (host, port)
        self._command = (str(Path(sys.executable).with_name("moto_server")), "-H", host, "-p", str(port), *tls)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"S3_IGNORE_SUBDOMAIN_BUCKETNAME": "true"},  # the bucket is in the path alone
        )
        wait_until(self._answers, "the object store does not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    def _answers(self) -> bool:
        assert self._process.poll() is None, "the object store has ended"
        with socket.socket() as client:
            return client.connect_ex(self._address) == 0
