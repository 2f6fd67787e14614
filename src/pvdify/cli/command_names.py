"""The names of all commands and their modules. Imports no parser, so that a command that needs none starts fast."""

import importlib
from typing import Any

# The headings of `pvdify --help`, each with its commands and their modules.
GROUPED = {
    "Most used": {
        "deploy": "deploy",
        "rollback": "rollback",
        "releases": "releases",
        "logs": "logs",
        "config": "config",
        "config:set": "config_change",
        "ps": "ps",
        "run": "run",
        "apps": "apps",
        "open": "open",
    },
    "Releases and deploys": {
        "deploy:attach": "deploy_attach",
        "deploy:cancel": "deploy_cancel",
        "releases:info": "releases",
        "releases:output": "releases",
        "releases:diff": "releases_diff",
        "init": "init",
        "manifest:check": "manifest",
        "manifest:schema": "manifest",
    },
    "Apps": {
        "apps:create": "apps",
        "apps:info": "apps",
        "apps:rename": "apps_rename",
        "apps:destroy": "apps_destroy",
        "domains": "domains",
        "domains:add": "domains",
        "domains:remove": "domains",
        "domains:grants": "domain_grants",
        "domains:grant": "domain_grants",
        "domains:revoke": "domain_grants",
        "pause": "pause",
        "resume": "pause",
        "maintenance:on": "maintenance",
        "maintenance:off": "maintenance",
    },
    "Config vars and secrets": {
        "config:get": "config",
        "config:unset": "config_change",
        "config:edit": "config_edit",
        "config:copy": "config_copy",
        "config:history": "config",
        "config:rollback": "config_rollback",
        "config:export": "config_files",
        "config:import": "config_files",
        "secrets": "secrets",
        "secrets:add": "secrets",
        "secrets:remove": "secrets",
        "secrets:rotate": "secrets",
    },
    "Processes": {
        "ps:exec": "ps_exec",
        "tunnel": "tunnel",
        "ps:scale": "ps_change",
        "ps:restart": "ps_change",
        "ps:stop": "ps_change",
        "ps:start": "ps_change",
    },
    "Volumes": {
        "volumes": "volumes",
        "volumes:destroy": "volumes",
        "volumes:restore": "volumes",
    },
    "Backups": {
        "backups": "backups",
        "backups:target": "backups_target",
        "backups:schedule": "backups_target",
        "backups:run": "backups",
        "backups:restore": "backups_restore",
        "backups:verify": "backups",
    },
    "Databases and other services": {
        "services": "services",
        "services:create": "services_create",
        "services:info": "services",
        "services:logs": "services",
        "services:connect": "services_connect",
        "services:link": "services_link",
        "services:unlink": "services_link",
        "services:restart": "services_change",
        "services:upgrade": "services_change",
        "services:rotate": "services_change",
        "services:destroy": "services_change",
        "services:restore": "services_change",
    },
    "Scheduled jobs": {
        "jobs": "jobs",
        "jobs:run": "jobs",
        "jobs:history": "jobs",
        "jobs:pause": "jobs",
        "jobs:resume": "jobs",
    },
    "Previews and GitHub": {
        "preview": "previews",
        "preview:close": "previews",
        "preview:keep": "previews",
        "previews": "previews",
        "github": "github",
        "github:link": "github",
        "github:unlink": "github",
    },
    "Access": {
        "login": "login",
        "servers": "servers",
        "servers:add": "servers",
        "servers:use": "servers",
        "servers:remove": "servers",
        "whoami": "whoami",
        "tokens": "tokens",
        "tokens:create": "tokens",
        "tokens:revoke": "tokens",
        "users": "users",
        "users:invite": "users",
        "users:role": "users",
        "users:remove": "users",
        "sessions": "sessions",
        "sessions:revoke": "sessions",
        "registry": "registry",
        "registry:list": "registry",
        "registry:login": "registry",
        "registry:logout": "registry",
    },
    "Notifications": {
        "notify": "notify",
        "notify:add": "notify",
        "notify:remove": "notify",
        "notify:test": "notify",
        "notify:log": "notify",
        "posthog": "posthog",
        "posthog:connect": "posthog",
        "posthog:remove": "posthog",
    },
    "The server and this program": {
        "status": "status",
        "events": "events",
        "doctor": "doctor",
        "server": "server",
        "completion": "completion",
        "help": "help",
        "version": "help",
    },
}
COMMANDS = {name: module for group in GROUPED.values() for name, module in group.items()}
HERE = "here"  # the command that `pvdify` alone runs
# Commands for programs, not for people.
HIDDEN = {HERE: "here", "completion:words": "completion"}
# Command groups: ``server:install`` is another spelling of ``server install``.
GROUPS = frozenset({"server"})
# Their arguments are the command line of another program, or a command's name.
FREE_WORDS = frozenset({"run", "ps:exec", "help", *HIDDEN})


def load(name: str) -> Any:
    """Import a command's module and return the command, which has the same name there, with ``_`` for ``:``."""
    module = importlib.import_module(f"pvdify.cli.commands.{COMMANDS.get(name) or HIDDEN[name]}")
    return getattr(module, name.replace(":", "_"))
