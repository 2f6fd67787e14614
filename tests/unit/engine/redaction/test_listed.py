"""Redaction fails closed: a new method of a port, or a new record, does not type-check until it is listed."""

from pathlib import Path

import pytest
from mypy import api

from pvdify.engine.redaction.ports import CleanDeployLog, CleanInstanceLogs, CleanInstances, CleanStore, LearningSecrets
from pvdify.ports.deploy_log import DeployLog
from pvdify.ports.instance_logs import InstanceLogs
from pvdify.ports.instances import Instances
from pvdify.ports.secrets import Secrets
from pvdify.ports.store import Store

PORTS = [
    (CleanStore, Store), (CleanDeployLog, DeployLog), (LearningSecrets, Secrets), (CleanInstances, Instances),
    (CleanInstanceLogs, InstanceLogs),
]  # fmt: skip
CHECK = """
from typing import Protocol
from pvdify.engine.redaction.redactors import Redactors
from pvdify.engine.redaction.ports import CleanDeployLog
from pvdify.engine.redaction.unchanged import unchanged
from pvdify.ports.deploy_log import DeployLog


class GrownLog(DeployLog, Protocol):
    async def quote(self, app: str) -> str: ...


class Unlisted(CleanDeployLog, GrownLog):
    pass


class Listed(CleanDeployLog, GrownLog):
    quote = unchanged(GrownLog.quote)


def use(log: GrownLog, redactors: Redactors) -> None:
    Listed(log, redactors)
    Unlisted(log, redactors)
"""


@pytest.mark.parametrize(("redacted", "port"), PORTS)
def test_every_method_of_the_port_is_scrubbed_or_listed(redacted: type, port: type):
    names = {name for base in port.__mro__ for name in vars(base) if callable(getattr(base, name))}

    assert {name for name in names if not name.startswith("_")} <= set(vars(redacted))


@pytest.mark.slow
def test_an_unlisted_method_does_not_type_check(tmp_path: Path):
    (tmp_path / "grown.py").write_text(CHECK, "utf-8")

    said, _, status = api.run([str(tmp_path / "grown.py")])  # with the cache that `make lint` has filled

    assert status == 1
    assert 'Cannot instantiate abstract class "Unlisted" with abstract attribute "quote"' in said
    assert '"Listed"' not in said
    assert "Found 1 error" in said
