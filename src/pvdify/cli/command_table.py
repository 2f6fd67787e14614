"""The table of all commands and their modules; a module is imported when its command is used."""

import importlib

import click

from pvdify import __version__

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
SUMMARY = 60  # characters; a summary of this length fits 80 columns beside the longest name
# Command groups: ``server:install`` is another spelling of ``server install``.
GROUPS = frozenset({"server"})
# Their arguments are the command line of another program, or a command's name.
FREE_WORDS = frozenset({"run", "ps:exec", "help", *HIDDEN})


class Program(click.Group):
    """The group of all commands; each is loaded when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order of the help."""
        return list(COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by heading, one line each."""
        width = max(map(len, COMMANDS))
        for heading, group in GROUPED.items():
            with formatter.section(heading):
                for name in group:
                    command = self.get_command(ctx, name)
                    summary = "" if command is None else command.get_short_help_str(SUMMARY)
                    formatter.write(f"{'':{formatter.current_indent}}{name:<{width}}  {summary}\n")

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """Load and return the command. In its module it has the same name, with ``_`` for ``:``."""
        module_name = COMMANDS.get(cmd_name) or HIDDEN.get(cmd_name)
        if module_name is None:
            return None
        module = importlib.import_module(f"pvdify.cli.commands.{module_name}")
        found: click.Command = getattr(module, cmd_name.replace(":", "_"))
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments name. Raises Misuse, which suggests another command line."""
        name, rest = args[0], args[1:]
        group, colon, inner = name.partition(":")
        if name not in COMMANDS and name not in HIDDEN and not name.startswith("-"):
            from pvdify.cli.other_words import WORDS, wrong_word

            if not (colon and group in GROUPS and name not in WORDS):
                raise wrong_word(name, rest, COMMANDS, ctx)
            args = [group, inner, *rest]
        elif rest and not rest[0].startswith("-") and name not in FREE_WORDS:
            from pvdify.cli.other_words import with_space

            if error := with_space(name, rest, COMMANDS, ctx):
                raise error
        return super().resolve_command(ctx, args)


@click.group(
    cls=Program,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExample:\n  pvdify deploy myapp --image ghcr.io/org/app:v1.2.3\n\n"
    "`pvdify COMMAND --help` shows a command's options and an example.",
)
@click.version_option(__version__, message="pvdify %(version)s")
def program() -> None:
    """Put a container image live on your own server without losing a request, and take it back."""
