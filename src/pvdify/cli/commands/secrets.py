"""``pvdify secrets``: the recipients who can decrypt the config files, and the server's own key."""

from dataclasses import dataclass

import click

from pvdify.cli import output
from pvdify.cli.command import command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io
from pvdify.client.api import Client
from pvdify.wire.answers import Recipient, Reencrypted


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify secrets`` and ``secrets:rotate``."""

    as_json: bool


@dataclass(frozen=True, kw_only=True)
class AddOptions:
    """Options of ``pvdify secrets:add``: a name and a public key."""

    name: str
    key: str
    as_json: bool


@dataclass(frozen=True, kw_only=True)
class RemoveOptions:
    """Options of ``pvdify secrets:remove``."""

    name: str
    as_json: bool


def run_list(options: Options, client: Client, io: Io) -> int:
    """Show the recipients, the server itself first."""
    found = client.recipients()
    if options.as_json:
        io.show_json({"recipients": found})
    else:
        io.show(_table(found))
    return DONE


def run_add(options: AddOptions, client: Client, io: Io) -> int:
    """Add a recipient."""
    done = client.add_recipient(options.name, options.key)
    undo = f'pvdify secrets:remove "{options.name}"'
    return _report(done, f"{options.name} can open them now; undo: {undo}", io, as_json=options.as_json)


def run_remove(options: RemoveOptions, client: Client, io: Io) -> int:
    """Remove a recipient."""
    done = client.remove_recipient(options.name)
    words = f"{options.name} may have read what was there until now: set anew what has to stay secret"
    return _report(done, words, io, as_json=options.as_json)


def run_rotate(options: Options, client: Client, io: Io) -> int:
    """Replace the server's key."""
    done = client.rotate_secrets()
    words = (
        "the server has a new key in age.key: back it up. The old one is in age.retired.key, and opens nothing here "
        "any more, only older backups. The owners of the old key may know the values: set anew what has to stay secret"
    )
    return _report(done, words, io, as_json=options.as_json)


@command("secrets", run=run_list, example="pvdify secrets")
def secrets(*, as_json: bool) -> Options:
    """Show who can decrypt the config files.

    Every config version is a SOPS file, encrypted for the server's own age key and for the recipients added here.
    """
    return Options(as_json=as_json)


@command(
    "secrets:add",
    run=run_add,
    example="pvdify secrets:add recovery age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
)
@click.argument("name")
@click.argument("key")
def secrets_add(*, name: str, key: str, as_json: bool) -> AddOptions:
    """Add a recipient who can decrypt the config files.

    NAME is a label. KEY is a public key: age1... as `age-keygen` prints it, or that of an SSH key (ssh-ed25519 or
    ssh-rsa). Use it for a second admin, or for a recovery key that you keep offline. Every config file is encrypted
    again; apps notice nothing.
    """
    return AddOptions(name=name, key=key, as_json=as_json)


@command("secrets:remove", run=run_remove, example="pvdify secrets:remove recovery")
@click.argument("name")
def secrets_remove(*, name: str, as_json: bool) -> RemoveOptions:
    """Remove the recipient NAME.

    Every config file is encrypted again, so that NAME can no longer decrypt it.
    """
    return RemoveOptions(name=name, as_json=as_json)


@command("secrets:rotate", run=run_rotate, example="pvdify secrets:rotate")
def secrets_rotate(*, as_json: bool) -> Options:
    """Replace the server's own key.

    Every config file is encrypted again, with the same values. Apps and deploys continue.
    """
    return Options(as_json=as_json)


def _report(done: Reencrypted, words: str, io: Io, *, as_json: bool) -> int:
    if as_json:
        io.show_json(done)
    else:
        io.show(_table(done.recipients))
    io.say(f"{done.files} config files were encrypted anew. {words}")
    return DONE


def _table(recipients: list[Recipient]) -> str:
    return output.table(("NAME", "KEY"), ((it.name, it.key) for it in recipients))
