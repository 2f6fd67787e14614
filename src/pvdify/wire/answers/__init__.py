"""Response types, one module per subject; this package exports all of them."""

from typing import TYPE_CHECKING

from pvdify.wire.on_demand import on_demand

if TYPE_CHECKING:
    from pvdify.wire.answers.access import Identity, InvitedUser, NewToken, Registry, Session, SignInLink, Token, User
    from pvdify.wire.answers.apps import App, AppStatus, DestroyedApp, ProcessType
    from pvdify.wire.answers.backups import Backup, BackupItem, Backups, BackupTarget, BackupTask, RestorePlan
    from pvdify.wire.answers.config import (
        Config,
        ConfigFile,
        ConfigVar,
        ConfigVersion,
        CopiedConfig,
        ImportedConfig,
        Recipient,
        Reencrypted,
    )
    from pvdify.wire.answers.connections import Delivery, Edge, EdgeProblem, Notification, Posthog
    from pvdify.wire.answers.domains import Domain, DomainGrant
    from pvdify.wire.answers.jobs import Job, JobOutput, JobRun
    from pvdify.wire.answers.logs import Event, LogLine, Visit
    from pvdify.wire.answers.previews import Link, Preview, ReceivedWebhook
    from pvdify.wire.answers.problem import Failure, Problem
    from pvdify.wire.answers.processes import Instance, OneOff, OneOffEnd, Operation, OperationStep, Process, Processes
    from pvdify.wire.answers.releases import LogEntry, Receipt, Release, Requests, RollbackPlan
    from pvdify.wire.answers.runtime import CopiedVolume, RuntimeApp, ServerRuntime
    from pvdify.wire.answers.server import Check, Health, Status
    from pvdify.wire.answers.services import Service, ServiceLines, ServiceLink, ServicePlan
    from pvdify.wire.answers.volumes import Volume

__getattr__ = on_demand(
    __name__,
    {
        "access": "Identity InvitedUser NewToken Registry Session SignInLink Token User",
        "apps": "App AppStatus DestroyedApp ProcessType",
        "backups": "Backup BackupItem BackupTarget BackupTask Backups RestorePlan",
        "config": "Config ConfigFile ConfigVar ConfigVersion CopiedConfig ImportedConfig Recipient Reencrypted",
        "connections": "Delivery Edge EdgeProblem Notification Posthog",
        "domains": "Domain DomainGrant",
        "jobs": "Job JobOutput JobRun",
        "logs": "Event LogLine Visit",
        "previews": "Link Preview ReceivedWebhook",
        "problem": "Failure Problem",
        "processes": "Instance OneOff OneOffEnd Operation OperationStep Process Processes",
        "releases": "LogEntry Receipt Release Requests RollbackPlan",
        "runtime": "CopiedVolume RuntimeApp ServerRuntime",
        "server": "Check Health Status",
        "services": "Service ServiceLines ServiceLink ServicePlan",
        "volumes": "Volume",
    },
)

__all__ = [
    "App",
    "AppStatus",
    "Backup",
    "BackupItem",
    "BackupTarget",
    "BackupTask",
    "Backups",
    "Check",
    "Config",
    "ConfigFile",
    "ConfigVar",
    "ConfigVersion",
    "CopiedConfig",
    "CopiedVolume",
    "Delivery",
    "DestroyedApp",
    "Domain",
    "DomainGrant",
    "Edge",
    "EdgeProblem",
    "Event",
    "Failure",
    "Health",
    "Identity",
    "ImportedConfig",
    "Instance",
    "InvitedUser",
    "Job",
    "JobOutput",
    "JobRun",
    "Link",
    "LogEntry",
    "LogLine",
    "NewToken",
    "Notification",
    "OneOff",
    "OneOffEnd",
    "Operation",
    "OperationStep",
    "Posthog",
    "Preview",
    "Problem",
    "Process",
    "ProcessType",
    "Processes",
    "Receipt",
    "ReceivedWebhook",
    "Recipient",
    "Reencrypted",
    "Registry",
    "Release",
    "Requests",
    "RestorePlan",
    "RollbackPlan",
    "RuntimeApp",
    "ServerRuntime",
    "Service",
    "ServiceLines",
    "ServiceLink",
    "ServicePlan",
    "Session",
    "SignInLink",
    "Status",
    "Token",
    "User",
    "Visit",
    "Volume",
]
