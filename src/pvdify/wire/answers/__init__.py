"""What one gets back, by subject; all of it can be imported from here."""

from pvdify.wire.answers.access import Identity, NewToken, Registry, Token
from pvdify.wire.answers.apps import App, Domain, ProcessType
from pvdify.wire.answers.config import (
    Config,
    ConfigFile,
    ConfigVar,
    ConfigVersion,
    ImportedConfig,
    Recipient,
    Reencrypted,
)
from pvdify.wire.answers.connections import Delivery, Edge, EdgeProblem, Notification, Posthog
from pvdify.wire.answers.logs import Event, LogLine, Visit
from pvdify.wire.answers.previews import Heard, Link, Preview
from pvdify.wire.answers.problem import Failure, Problem
from pvdify.wire.answers.processes import Instance, OneOff, OneOffEnd, Operation, OperationStep, Process
from pvdify.wire.answers.releases import LogEntry, Receipt, Release, Requests, RollbackPlan
from pvdify.wire.answers.server import Check, Health, Status

__all__ = [
    "App",
    "Check",
    "Config",
    "ConfigFile",
    "ConfigVar",
    "ConfigVersion",
    "Delivery",
    "Domain",
    "Edge",
    "EdgeProblem",
    "Event",
    "Failure",
    "Health",
    "Heard",
    "Identity",
    "ImportedConfig",
    "Instance",
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
    "Receipt",
    "Recipient",
    "Reencrypted",
    "Registry",
    "Release",
    "Requests",
    "RollbackPlan",
    "Status",
    "Token",
    "Visit",
]
