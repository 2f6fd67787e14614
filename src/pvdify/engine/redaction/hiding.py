"""Putting redaction between an engine and its world."""

from dataclasses import replace

from pvdify.engine.redaction.ports import CleanDeployLog, CleanInstanceLogs, CleanInstances, CleanStore, LearningSecrets
from pvdify.engine.redaction.redactors import Redactors
from pvdify.engine.world import World


def with_secrets_hidden(world: World) -> tuple[World, Redactors]:
    """The world as an engine may see it and write to it, and what knows its secrets."""
    redactors = Redactors(world.secrets, world.store, world.former_names)
    hidden = replace(
        world,
        secrets=LearningSecrets(world.secrets, redactors),
        store=CleanStore(world.store, redactors),
        instances=CleanInstances(world.instances, redactors),
        instance_logs=CleanInstanceLogs(world.instance_logs, redactors, world.clock.now),
        deploy_log=CleanDeployLog(world.deploy_log, redactors),
        hide=redactors.learn,
    )
    return hidden, redactors
