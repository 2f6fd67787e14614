"""Addresses that a test gives to this machine for a while."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def own_address(address: str, link: str) -> Iterator[None]:
    """Give a link the address until the end. It may be there already: a run that was killed has left it."""
    subprocess.run(("ip", "address", "replace", f"{address}/32", "dev", link), check=True)
    try:
        yield
    finally:
        subprocess.run(("ip", "address", "delete", f"{address}/32", "dev", link), check=True)
