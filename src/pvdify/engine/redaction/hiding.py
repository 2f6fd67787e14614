"""Wraps the ports of a world with redaction."""

from dataclasses import replace

from pvdify.engine.redaction.ports import CleanDeployLog, CleanInstanceLogs, CleanInstances, CleanStore, LearningSecrets
from pvdify.engine.redaction.redactors import Redactors
from pvdify.engine.world import World


def with_secrets_hidden(world: World) -> tuple[World, Redactors]:
    """Return the world with ports that hide secrets, and the redactors that these ports share."""
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
