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


_dry_run = click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")


@local_command(
    "install",
    run=hand_over,
    example="pvdify server install --base-domain apps.example.com\n"
    "pvdify server install --set router_listen=0.0.0.0:80 --dry-run",
)
@click.option("--base-domain", metavar="DOMAIN", help="An app answers at APP.DOMAIN.")
@click.option(
    "--set", "assignments", metavar="NAME=VALUE", multiple=True, help="Any other setting of pvdifyd; repeatable."
)
@_dry_run
def install(*, base_domain: str | None, assignments: tuple[str, ...], dry_run: bool, as_json: bool) -> Install:
    """Install the server on this machine.

    Checks the machine first, as `pvdify doctor` does, and changes nothing if something is missing. Then it makes the
    directories, writes the settings, raises and limits what the journal keeps, writes the units of pvdifyd and of the
    router, and starts them; the admin token is shown once. It listens on loopback alone unless set otherwise.

    A second run does only what is missing, so it continues an installation that was interrupted.
    """
    settings = dict(_assignment(text) for text in assignments)
    if base_domain is not None:
        settings["base_domain"] = base_domain
    return Install(settings=settings, is_dry_run=dry_run, as_json=as_json)


@local_command("upgrade", run=hand_over, example="pvdify server upgrade")
@_dry_run
def upgrade(*, dry_run: bool, as_json: bool) -> Install:
    """Switch the server to the installed version of pvdify.

    After `pip install --require-hashes -r requirements.txt`: units are written anew and pvdifyd is restarted. Visitors
    do not notice, because the router and the containers go on. A database of an older version is migrated at the
    start, with a copy beside it.
    """
    return Install(is_upgrade=True, is_dry_run=dry_run, as_json=as_json)


@local_command("uninstall", run=hand_over, example="pvdify server uninstall --dry-run\npvdify server uninstall --yes")
@click.option("--purge", is_flag=True, help="Delete its data, settings and images, too.")
@click.option("--yes", is_flag=True, help="Stop every app, and do it.")
@_dry_run
def uninstall(*, purge: bool, yes: bool, dry_run: bool, as_json: bool) -> Uninstall:
    """Remove the server from this machine.

    Every app stops. Data and settings stay, and `pvdify server install` uses them again, unless --purge
    deletes them.
    """
    return Uninstall(is_purging=purge, is_confirmed=yes, is_dry_run=dry_run, as_json=as_json)


@local_command(
    "backup", run=hand_over, example='pvdify server backup "/var/backups/pvdify-$(date +%F).tar.gz" --with-keys'
)
@click.argument("file")
@click.option("--with-keys", is_flag=True, help="Also keys, tokens and passwords that nothing encrypts.")
def backup(*, file: str, with_keys: bool, as_json: bool) -> BackUp:
    """Write the server's records into FILE.

    Database, config, settings and deploy logs, as they are at this moment; the server goes on working. Not included:
    images, which are in their registries, and what apps have written, which is in the journal. Without --with-keys
    it can be restored only where the server's age.key is, and passwords of registries have to be given again.
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
@click.option("--backup", default="", metavar="ID", help="Of LOCATION: which backup; default: the newest.")
@click.option("--replace", is_flag=True, help="Also where apps are already: what is here is put aside.")
def restore(*, file: str, backup: str, replace: bool, as_json: bool) -> Restore:
    """Restore the server's records from FILE or LOCATION.

    On this machine or another one, where it installs the server, too. What was here before is put aside in the data
    directory. Images come from their registries as instances start.

    LOCATION is what `pvdify backups:target` was given; the volumes of apps come back with it. The password is asked
    for, or read from stdin as the line RESTIC_PASSWORD=…, with the keys that the target needs.
    """
    return Restore(file=file, backup=backup, is_replacing=replace, as_json=as_json)


for _command in (install, upgrade, backup, restore, uninstall, edge.for_click(), runtime.for_click()):
    server.add_command(_command)


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InvalidSetting(f'"{text}" is not a setting', next="write --set NAME=VALUE, like --set standby=5m")
    return name.strip().replace("-", "_"), value.strip()
