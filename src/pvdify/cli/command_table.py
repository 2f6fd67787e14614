"""Every command and where it is; a command's module is imported when the command is asked for."""

import importlib

import click

from pvdify import __version__

COMMANDS = {
    "init": "init",
    "deploy": "deploy",
    "deploy:attach": "deploy_attach",
    "deploy:cancel": "deploy_cancel",
    "rollback": "rollback",
    "releases": "releases",
    "releases:diff": "releases_diff",
    "releases:info": "releases",
    "logs": "logs",
    "config": "config",
    "config:get": "config",
    "config:set": "config_change",
    "config:unset": "config_change",
    "config:history": "config",
    "run": "run",
    "config:export": "config_files",
    "config:import": "config_files",
    "ps": "ps",
    "ps:scale": "ps_change",
    "ps:restart": "ps_change",
    "ps:stop": "ps_change",
    "ps:start": "ps_change",
    "apps": "apps",
    "apps:create": "apps",
    "apps:info": "apps",
    "apps:destroy": "apps_destroy",
    "manifest:check": "manifest",
    "manifest:schema": "manifest",
    "domains": "domains",
    "domains:add": "domains",
    "domains:remove": "domains",
    "maintenance:on": "maintenance",
    "maintenance:off": "maintenance",
    "preview": "previews",
    "preview:close": "previews",
    "previews": "previews",
    "github": "github",
    "github:link": "github",
    "github:unlink": "github",
    "secrets": "secrets",
    "secrets:add": "secrets",
    "secrets:remove": "secrets",
    "secrets:rotate": "secrets",
    "tokens": "tokens",
    "tokens:create": "tokens",
    "tokens:revoke": "tokens",
    "registry": "registry",
    "registry:list": "registry",
    "registry:login": "registry",
    "registry:logout": "registry",
    "notify": "notify",
    "notify:add": "notify",
    "notify:remove": "notify",
    "notify:test": "notify",
    "notify:log": "notify",
    "posthog": "posthog",
    "posthog:connect": "posthog",
    "posthog:remove": "posthog",
    "login": "login",
    "whoami": "whoami",
    "status": "status",
    "doctor": "doctor",
    "server": "server",
}


class Program(click.Group):
    """All commands, loaded one at a time."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, in the order in which people meet them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """The command of this name: in its module it has the same one, with ``_`` for ``:``."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"pvdify.cli.commands.{COMMANDS[cmd_name]}")
        found: click.Command = getattr(module, cmd_name.replace(":", "_"))
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments name, or a usage error that suggests the nearest."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(f'no command "{args[0]}"{_suggestion(args[0])}', ctx)
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


def _suggestion(typed: str) -> str:
    from difflib import get_close_matches

    nearest = get_close_matches(typed, COMMANDS, n=1)
    return f"; did you mean {nearest[0]}?" if nearest else "; `pvdify --help` lists them"
