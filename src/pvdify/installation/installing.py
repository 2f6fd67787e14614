"""``pvdify server install`` and ``upgrade``: check the machine, then apply the actions that are not done yet."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from pvdify import __version__, settings
from pvdify.adapters.haproxy import commands as haproxy_commands
from pvdify.adapters.haproxy.bundled import bundled_binary
from pvdify.adapters.haproxy.parse import version as haproxy_version
from pvdify.adapters.systemd import commands, parse
from pvdify.adapters.systemd.server_units import CONFINED_SINCE, DAEMON, TRIAL
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io
from pvdify.cli.output import facts
from pvdify.errors import InvalidSetting, MachineNotReady, NotInstalled, PvdifyError
from pvdify.installation import from_github, plans, settings_file
from pvdify.installation.carry_out import carry_out, outlook, read, show_outlook
from pvdify.installation.doctor import report
from pvdify.installation.doctor.judgements import PREFERRED_HAPROXY
from pvdify.installation.doctor.observe import DISTRIBUTION_HAPROXY
from pvdify.installation.layout import Layout, layout_here
from pvdify.installation.machine import Machine
from pvdify.manifest.names import nearest
from pvdify.settings import DEFAULT_FILE, Settings
from pvdify.wire.installation import Install


def run(order: Install, machine: Machine, io: Io) -> int:
    """Install or upgrade the server, and start it. If everything is done already, change nothing.

    Raises MachineNotReady, NotInstalled, InvalidSetting, InstallationFailed, RuntimeUnavailable.
    """
    wanted = {**order.settings, **plans.ALWAYS}
    _check_names(order.settings)
    settings.load(wanted, {}, DEFAULT_FILE)  # refuses bad values before the machine is checked
    wanted = {**preferred_router(read(DEFAULT_FILE), machine), **wanted}
    layout = layout_of(settings.load(wanted, {}, DEFAULT_FILE), machine)
    if order.is_upgrade and not (layout.unit_dir / DAEMON).exists():
        raise NotInstalled("there is no pvdify server on this machine to upgrade", next="`pvdify server install`")
    check(machine, layout.settings)
    actions = plans.install(layout, settings_file.merged(read(DEFAULT_FILE), wanted))
    if order.is_dry_run:
        return show_outlook(outlook(actions, machine), io, as_json=order.as_json)
    is_new = not layout.admin_token.exists()
    done = carry_out(actions, machine, io)
    token = (read(layout.admin_token) or "").strip() if is_new else ""
    _show(layout, done, token, io, as_json=order.as_json)
    return DONE


def preferred_router(settings_text: str | None, machine: Machine) -> dict[str, str]:
    """Return the setting for the distribution's HAProxy if it is new enough: its packages get security fixes.

    Return no setting if there is a settings file: a server keeps its router until an operator changes it.
    """
    if settings_text is not None:
        return {}
    with suppress(PvdifyError):  # HAProxy is not installed
        version = haproxy_version(machine.ask(haproxy_commands.version(DISTRIBUTION_HAPROXY)).stdout)
        if version is not None and version.number >= PREFERRED_HAPROXY:
            return {"router_binary": DISTRIBUTION_HAPROXY}
    return {}


def layout_of(wanted: Settings, machine: Machine) -> Layout:
    """Return the layout of the running pvdify with these settings. Raises RouterUnavailable, RuntimeUnavailable."""
    layout = layout_here(wanted, wanted.router_binary or bundled_binary())
    return replace(layout, has_router_user=_can_confine(machine))


def _can_confine(machine: Machine) -> bool:
    """Return whether systemd can confine the router. Tried out, because a container may not be allowed to mount."""
    version = parse.version(machine.ask(commands.read_version()).stdout)
    return version >= CONFINED_SINCE and machine.ask(commands.try_confined(TRIAL)).exit_code == 0


def _check_names(wanted: Mapping[str, str]) -> None:
    """Raise InvalidSetting if a name is unknown: pvdifyd would not start with it in the settings file."""
    unknown = [name for name in wanted if name not in settings.names()]
    if unknown:
        near = nearest(unknown[0], settings.names())
        hint = f"did you mean {near}? " if near else ""
        raise InvalidSetting(f"there is no setting {unknown[0]}", next=f"{hint}`pvdifyd --help` lists all settings")


def check(machine: Machine, wanted: Settings, *, but: str = "") -> None:
    """Raise MachineNotReady, with all missing parts, if a server cannot run on this machine.

    ``but``: the name of a check that does not matter, because what follows repairs what it finds.
    """
    found = [check for check in report.checks(machine, wanted) if check.name != but]
    missing = [check for check in found if check.state == "broken" or (check.name == "systemd" and check.next)]
    if missing:
        raise MachineNotReady(
            "pvdify cannot run on this machine yet; nothing was changed",
            next="correct these and try again; `pvdify doctor` shows all checks",
            details={"problems": [f"{check.name}: {check.text}; {check.next}" for check in missing]},
        )


def _show(layout: Layout, done: Sequence[str], token: str, io: Io, *, as_json: bool) -> None:
    known = layout.settings
    if as_json:
        shown = {"version": __version__, "done": list(done), "settings_file": str(layout.settings_file),
                 "data_dir": str(known.data_dir), "listen": str(known.listen),
                 "router_listen": str(known.router_listen), "base_domain": known.base_domain}  # fmt: skip
        io.show_json({**shown, "admin_token": token or None, "github": list(from_github.lines(known))})
        return
    io.show(f"pvdify {__version__} runs on this server" if done else "nothing to do: pvdify runs as it is to")
    io.show(
        facts(
            (
                ("router", f"{known.router_listen}, for *.{known.base_domain}"),
                ("API", f"{known.listen}, and {known.socket_path} for root"),
                ("API in public", f"{known.audience}, through the router" if known.is_api_exposed else ""),
                ("settings", str(layout.settings_file)),
                ("data", str(known.data_dir)),
                ("admin token", f"{token}  (shown this once; also in {layout.admin_token})" if token else ""),
            )
        )
    )
    io.say("next: pvdify deploy APP --image REF")
    from_github.show(known, io)
