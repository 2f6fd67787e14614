"""``pvdify server install`` and related commands: install, upgrade and remove the server on this machine."""

import click

from pvdify.cli.command import local_command
from pvdify.cli.commands.server_edge import edge
from pvdify.cli.commands.server_runtime import runtime
from pvdify.cli.installation import hand_over
from pvdify.errors import InvalidSetting
from pvdify.wire.installation import BackUp, Install, Restore, Uninstall


@click.group(
    "server",
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExample:\n  pvdify server install --base-domain apps.example.com\n\n"
    "Each of them has --json. `pvdify server COMMAND --help` shows the rest.",
)
def server() -> None:
    """Install, upgrade or back up the server on this machine.

    It needs root, and systemd. `pvdify doctor` says beforehand what is missing.
    """


_dry_run = click.option("--dry-run", is_flag=True, help="Show what would be done, and change nothing.")


@local_command(
    "install",
    run=hand_over,
    example="pvdify server install --base-domain apps.example.com\n"
    "pvdify server install --set router_listen=0.0.0.0:80 --dry-run",
)
@click.option("--base-domain", metavar="DOMAIN", help="An app answers at APP.DOMAIN.")
@click.option(
    "--set", "assignments", metavar="NAME=VALUE", multiple=True, help="Another setting of pvdifyd; repeatable."
)
@_dry_run
def install(*, base_domain: str | None, assignments: tuple[str, ...], dry_run: bool, as_json: bool) -> Install:
    """Install the server on this machine.

    Checks the machine first, as `pvdify doctor` does, and changes nothing if something is missing. Then creates the
    directories, writes the settings, configures the journal, writes the units of pvdifyd and of the router, and starts
    them. The admin token is shown once. The server listens on loopback only, unless you change the settings.

    A second run changes only what differs, so it continues an interrupted installation.
    """
    settings = dict(_assignment(text) for text in assignments)
    if base_domain is not None:
        settings["base_domain"] = base_domain
    return Install(settings=settings, is_dry_run=dry_run, as_json=as_json)


@local_command("upgrade", run=hand_over, example="pvdify server upgrade")
@_dry_run
def upgrade(*, dry_run: bool, as_json: bool) -> Install:
    """Switch the server to the installed version of pvdify.

    Run it after `pip install --require-hashes -r requirements.txt`. It writes the units again and restarts pvdifyd.
    Visitors do not notice, because the router and the containers keep running. pvdifyd then migrates an older
    database, and keeps a copy of it.
    """
    return Install(is_upgrade=True, is_dry_run=dry_run, as_json=as_json)


@local_command("uninstall", run=hand_over, example="pvdify server uninstall --dry-run\npvdify server uninstall --yes")
@click.option("--purge", is_flag=True, help="Also delete its data, settings and images.")
@click.option("--yes", is_flag=True, help="Confirm that every app stops.")
@_dry_run
def uninstall(*, purge: bool, yes: bool, dry_run: bool, as_json: bool) -> Uninstall:
    """Remove the server from this machine.

    Every app stops. Data and settings are kept for a later `pvdify server install`, unless --purge deletes them.
    """
    return Uninstall(is_purging=purge, is_confirmed=yes, is_dry_run=dry_run, as_json=as_json)


@local_command(
    "backup", run=hand_over, example='pvdify server backup "/var/backups/pvdify-$(date +%F).tar.gz" --with-keys'
)
@click.argument("file")
@click.option("--with-keys", is_flag=True, help="Include keys, tokens and passwords, unencrypted.")
def backup(*, file: str, with_keys: bool, as_json: bool) -> BackUp:
    """Back up the server's own data to FILE.

    FILE has the database, config, settings and deploy logs; the server keeps running. It has no volumes, images (they
    are in their registries) and logs of apps (they are in the journal). Without --with-keys it can be restored only
    where the server's age.key is, and passwords of registries have to be entered again.
    """
    return BackUp(file=file, with_keys=with_keys, as_json=as_json)


@local_command(
    "restore",
    run=hand_over,
    example="pvdify server restore /var/backups/pvdify-2026-11-25.tar.gz\n"
    "pvdify server restore s3:https://s3.example.com/my-backups\n"
    "cat password-line id_ed25519 | pvdify server restore sftp:backup@example.com:/srv/pvdify",
)
@click.argument("file", metavar="FILE|LOCATION")
@click.option("--backup", default="", metavar="ID", help="Which backup of LOCATION; default: the newest.")
@click.option("--replace", is_flag=True, help="Replace a server that has apps; its data is kept aside.")
def restore(*, file: str, backup: str, replace: bool, as_json: bool) -> Restore:
    """Restore the server from FILE or LOCATION.

    Also installs the server, if it is another machine. Existing data is moved to a folder in the data directory. Images
    are pulled from their registries when instances start.

    LOCATION is that of `pvdify backups:target`; it also restores the volumes of apps. The command asks for the
    password, or reads it from stdin as the line RESTIC_PASSWORD=…, with the keys that the target needs.
    """
    return Restore(file=file, backup=backup, is_replacing=replace, as_json=as_json)


for _command in (install, upgrade, backup, restore, uninstall, edge.for_click(), runtime.for_click()):
    server.add_command(_command)


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InvalidSetting(f'"{text}" is not a setting', next="write --set NAME=VALUE, like --set standby=5m")
    return name.strip().replace("-", "_"), value.strip()
