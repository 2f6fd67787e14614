"""Putting redaction between an engine and its world."""

from dataclasses import replace
from typing import cast

from pvdify.engine.redaction.ports import CleanDeployLog, CleanStore, CleanSupervisor, LearningSecrets
from pvdify.engine.redaction.redactors import Redactors
from pvdify.engine.world import World
from pvdify.ports.deploy_log import DeployLog
from pvdify.ports.secrets import Secrets
from pvdify.ports.store import Store
from pvdify.ports.supervisor import Supervisor


def with_secrets_hidden(world: World) -> tuple[World, Redactors]:
    """The world as an engine may see it and write to it, and what knows its secrets."""
    redactors = Redactors(world.secrets, world.store)
    # they answer what is not their own from the port behind them, which type checkers cannot see
    hidden = replace(
        world,
        secrets=cast("Secrets", LearningSecrets(world.secrets, redactors)),
        store=cast("Store", CleanStore(world.store, redactors)),
        supervisor=cast("Supervisor", CleanSupervisor(world.supervisor, redactors)),
        deploy_log=cast("DeployLog", CleanDeployLog(world.deploy_log, redactors)),
    )
    return hidden, redactors
