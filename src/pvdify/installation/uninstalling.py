"""``pvdify server uninstall``: remove the server from its machine, and its data only if the order says so."""

from pvdify import settings
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io
from pvdify.errors import NotConfirmed
from pvdify.installation import plans
from pvdify.installation.carry_out import carry_out, outlook, show_outlook
from pvdify.installation.installing import layout_of
from pvdify.installation.machine import Machine
from pvdify.settings import DEFAULT_FILE
from pvdify.wire.installation import Uninstall


def run(order: Uninstall, machine: Machine, io: Io) -> int:
    """Remove the server. Raises NotConfirmed, InvalidSetting, InstallationFailed, RuntimeUnavailable."""
    layout = layout_of(settings.load({}, {}, DEFAULT_FILE), machine)
    actions = plans.uninstall(layout, is_purging=order.is_purging)
    if order.is_dry_run:
        return show_outlook(outlook(actions, machine), io, as_json=order.as_json)
    if not order.is_confirmed:
        deleted = ", and all that pvdify knows would be deleted" if order.is_purging else ""
        raise NotConfirmed(
            f"every app on this server would stop{deleted}",
            next="`pvdify server uninstall --dry-run` shows what would be done; add --yes to do it",
        )
    done = carry_out(actions, machine, io)
    data = layout.settings.data_dir
    if order.as_json:
        io.show_json({"done": list(done), "data_dir": str(data) if data.exists() else None})
        return DONE
    io.show("pvdify's server is off this machine" if done else "nothing to do: no pvdify server is on this machine")
    if done and data.exists():
        io.say(f"what it knew is still in {data}: `pvdify server install` takes it up again")
    return DONE
