"""Suggestions for names of Heroku's and Kamal's commands.

They are only searched if no command was found, so they never hide a command of pvdify.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import click

from pvdify.cli.misuse import Misuse

# Below this, a suggestion is more often wrong than right: "drains" is not "domains".
LEAST_LIKENESS = 0.8


@dataclass(frozen=True)
class Answer:
    """The suggestion for an unknown command.

    ``what`` completes ‘no command "x"’; ``next`` is the command line or page that helps.
    """

    what: str
    next: str


def _same(command: str, arguments: str = "") -> Answer:
    return Answer(f"; it is {command} here", f"pvdify {command} {arguments}".rstrip())


_SERVICES = Answer(
    "; databases and caches are services",
    "pvdify services:create db --kind postgres, then: pvdify services:link db APP, and: pvdify deploy APP",
)
_JOBS = Answer(
    "; jobs are declared in the manifest", "write `jobs` in pvdify.yml, then: pvdify deploy APP, and: pvdify jobs APP"
)
_DRAINS = Answer(
    "; log lines stay in the server's journal",
    "pvdify logs APP --follow; to forward the journal, use systemd-journal-upload or your log collector",
)
_CERTS = Answer(
    "; the tunnel or web server in front of the router has the TLS certificates",
    "`pvdify server edge` shows what is in front",
)
_BUILDS = Answer("; pvdify does not build images", "let CI build and push one, then: pvdify deploy APP --image REF")
_SIZES = Answer(
    "; memory and CPU of an instance are set in the manifest",
    "write `resources: {memory: 512M, cpu: 0.5}` in pvdify.yml, then: pvdify deploy APP",
)
_ACCESS = Answer("; access is given by tokens", "pvdify tokens:create --name NAME --app APP --role deploy")
_QUERY = Answer("; a service has a console", "pvdify services:connect NAME")
_LOCK = Answer(
    "; deploys of an app wait for each other without a lock", "pvdify deploy:attach APP, or: pvdify deploy:cancel APP"
)
_PIPELINES = Answer(
    "; staging and production are two apps, and an image is promoted by its reference",
    "pvdify apps:info APP-staging, then: pvdify deploy APP --image REF",
)
_ROUTER = Answer("; the router is part of the server", "pvdify status, or: pvdify logs --router")
_NOT_HERE = Answer("; there is nothing like it here", "pvdify --help")

# A name without a colon also matches ``NAME:ANYTHING`` and ``NAME ANYTHING``, unless those have their own entry.
WORDS = {
    # Heroku
    "addons": _SERVICES, "postgres": _SERVICES, "data": _SERVICES, "redis": _SERVICES, "kafka": _SERVICES,
    "pg": _SERVICES, "pg:psql": _QUERY, "psql": _QUERY, "pg:backups": _same("backups"),
    "scheduler": _JOBS, "cron": _JOBS,
    "drains": _DRAINS, "certs": _CERTS, "ssl": _CERTS,
    "buildpacks": _BUILDS, "builds": _BUILDS, "build": _BUILDS, "stack": _BUILDS, "slugs": _BUILDS,
    "container": _BUILDS, "container:release": _same("deploy", "APP --image REF"),
    "dyno": _same("ps", "APP"), "dynos": _same("ps", "APP"), "dyno:scale": _same("ps:scale", "APP web=2"),
    "dyno:restart": _same("ps:restart", "APP"), "dyno:stop": _same("ps:stop", "APP"),
    "dyno:kill": _same("ps:restart", "APP PROCESS"), "ps:kill": _same("ps:restart", "APP PROCESS"),
    "dyno:type": _SIZES, "dyno:resize": _SIZES, "ps:type": _SIZES, "ps:resize": _SIZES,
    "ps:autoscale": Answer("; instances are not added by load", "pvdify ps:scale APP web=3"),
    "dyno:exec": _same("ps:exec", "APP"), "ps:forward": _same("tunnel", "APP PORT"),
    "rename": _same("apps:rename", "OLD NEW"),
    "create": _same("apps:create", "APP"), "destroy": _same("apps:destroy", "APP"), "info": _same("apps:info", "APP"),
    "list": _same("apps"), "apps:open": _same("open", "APP"),
    "restart": _same("ps:restart", "APP"), "scale": _same("ps:scale", "APP web=2"),
    "stop": _same("ps:stop", "APP"), "start": _same("ps:start", "APP"),
    "env": _same("config", "APP"), "envs": _same("config", "APP"), "vars": _same("config", "APP"),
    "config:add": _same("config:set", "APP KEY=VALUE"), "config:remove": _same("config:unset", "APP KEY"),
    "domains:clear": _same("domains:remove", "APP HOSTNAME"), "domains:info": _same("domains", "APP"),
    "access": _ACCESS, "members": _ACCESS, "teams": _ACCESS, "orgs": _ACCESS, "keys": _ACCESS, "sharing": _ACCESS,
    "authorizations": _ACCESS, "auth:token": _ACCESS, "auth": _same("login"),
    "logout": _same("servers:remove", "NAME"), "auth:logout": _same("servers:remove", "NAME"),
    "auth:whoami": _same("whoami"),
    "pipelines": _PIPELINES, "promote": _PIPELINES, "reviewapps": _same("previews", "APP"), "ci": _BUILDS,
    "webhooks": _same("notify"), "notifications": _same("notify"), "git": _same("deploy", "APP --image REF"),
    "labs": _NOT_HERE, "features": _NOT_HERE, "spaces": _NOT_HERE, "plugins": _NOT_HERE, "local": _NOT_HERE,
    "regions": _NOT_HERE, "update": _same("server upgrade"), "console": _same("run", "APP -- COMMAND"),
    # Kamal
    "setup": Answer(
        "; the server is installed once, and the first deploy creates the app",
        "pvdify server install --base-domain DOMAIN, then: pvdify deploy APP --image REF",
    ),
    "redeploy": _same("deploy", "APP"), "app": _same("ps", "APP"), "app:exec": _same("ps:exec", "APP -- COMMAND"),
    "app:logs": _same("logs", "APP --follow"), "app:boot": _same("ps:restart", "APP"),
    "app:start": _same("ps:start", "APP"), "app:stop": _same("ps:stop", "APP"),
    "app:version": _same("apps:info", "APP"), "app:images": _same("releases", "APP"),
    "app:maintenance": _same("maintenance:on", "APP"), "app:live": _same("maintenance:off", "APP"),
    "app:remove": _same("apps:destroy", "APP"), "exec": _same("ps:exec", "APP -- COMMAND"),
    "details": _same("status"), "audit": _same("events"), "lock": _LOCK, "unlock": _LOCK,
    "accessory": _SERVICES, "accessories": _SERVICES, "proxy": _ROUTER, "traefik": _ROUTER, "router": _ROUTER,
    "prune": Answer("; images and containers that no release needs are removed by every deploy", "pvdify status"),
    "remove": _same("apps:destroy", "APP"), "bootstrap": _same("server install", "--base-domain DOMAIN"),
    "server:bootstrap": _same("server install", "--base-domain DOMAIN"),
    "server:exec": Answer("; commands on the server itself go by ssh", "ssh SERVER COMMAND"),
    "secrets:print": _same("config", "APP"), "secrets:fetch": _same("config:set", "APP --secret KEY=-"),
    "secrets:extract": _same("config:get", "APP KEY --reveal"), "upgrade": _same("server upgrade"),
    "shell": _same("run", "APP -- sh"), "bash": _same("run", "APP -- bash"), "push": _BUILDS, "docs": _same("help"),
}  # fmt: skip


def wrong_word(name: str, rest: Sequence[str], commands: Collection[str], context: click.Context) -> Misuse:
    """Return the error for an unknown command. ``rest``: the words after it; the first may belong to the name."""
    second = rest[0] if rest and not rest[0].startswith("-") else ""
    found, is_pair = _find(name, second, tuple(commands))
    return _error(f"{name} {second}" if is_pair else name, found, context)


def with_space(name: str, rest: Sequence[str], commands: Collection[str], context: click.Context) -> Misuse | None:
    """Return the error for ``config set``, which is ``config:set`` here;

    None if the words are a command with arguments.
    """
    pair = f"{name}:{rest[0]}" if rest else ""
    if pair in commands:
        app = "" if name in ("apps", "tokens", "registry", "notify") else f"; for an app of that name: --app {rest[0]}"
        return _error(f"{name} {rest[0]}", Answer(f"; it is {pair} here{app}", f"pvdify {pair} --help"), context)
    if pair in WORDS:
        return _error(f"{name} {rest[0]}", WORDS[pair], context)
    return None


def _error(typed: str, answer: Answer, context: click.Context) -> Misuse:
    return Misuse(f'no command "{typed}"{answer.what}', next=answer.next, context=context)


def _find(name: str, second: str, known: tuple[str, ...]) -> tuple[Answer, bool]:
    """Return the suggestion, and whether the second word is part of the name."""
    pair = f"{name}:{second}"
    if pair in known:
        return _same(pair), True
    if second and pair in WORDS:
        return WORDS[pair], True
    for word in (name, name.partition(":")[0]):
        if word in WORDS:
            return WORDS[word], False
    from difflib import get_close_matches

    nearest = get_close_matches(name, known, n=1, cutoff=LEAST_LIKENESS)
    if nearest:
        return Answer(f"; did you mean {nearest[0]}?", f"pvdify {nearest[0]} --help"), False
    return Answer("", "`pvdify --help` lists the commands"), False
