"""The actions that install a server, and those that remove it. No I/O, except that modes of directories are read."""

from dataclasses import replace
from pathlib import Path

from pvdify.adapters.haproxy import disk
from pvdify.adapters.systemd import cloudflared, server_units
from pvdify.adapters.systemd.server_units import DAEMON, ROUTER, ROUTER_SOCKET, ROUTER_USER, RouterUnit
from pvdify.installation import journal
from pvdify.installation.actions import Action, ClearRunDirectory, Link, MakeDirectory, Remove, Unlink, WriteFile
from pvdify.installation.containers import RemoveContainers, RemoveImages, RemoveIsolation, RemoveNetworks
from pvdify.installation.layout import Layout, closed_above
from pvdify.installation.unit_actions import Enable, ReadUnits, Run, Stop
from pvdify.installation.user_actions import AddUser, RemoveUser, ShareDirectory

JOURNALD = "systemd-journald.service"
UNITS = (DAEMON, ROUTER, ROUTER_SOCKET)
ALWAYS = {"router_unit": ROUTER}


def install(layout: Layout, settings_text: str) -> tuple[Action, ...]:
    """Return the actions that install the server with these settings, start it, and enable it at boot."""
    drop_in = layout.journald_drop_in
    return (
        *_directories(layout),
        *_router_user(layout),
        WriteFile(path=layout.settings_file, mode=0o644, content=settings_text),
        WriteFile(path=drop_in, mode=0o644, content=journal.drop_in()),
        Run(unit=JOURNALD, after=(drop_in,)),
        *(WriteFile(path=layout.unit_dir / name, mode=0o644, content=text) for name, text in unit_files(layout)),
        ReadUnits(files=_unit_paths(layout)),
        *(Enable(unit=unit) for unit in (ROUTER_SOCKET, ROUTER, DAEMON)),
        Run(unit=ROUTER_SOCKET, after=(layout.unit_dir / ROUTER_SOCKET,), stop_first=ROUTER),
        Run(unit=DAEMON, after=(layout.unit_dir / DAEMON, layout.settings_file, layout.package)),
        Run(unit=ROUTER, after=(layout.unit_dir / ROUTER,), if_active=True),
        Link(path=layout.commands_dir / "pvdify", target=layout.scripts / "pvdify"),
    )


def uninstall(layout: Layout, *, is_purging: bool) -> tuple[Action, ...]:
    """Return the actions that remove the server from this machine.

    ``is_purging``: also remove its settings, its data directory and the images of releases.
    """
    server, tunnel = layout.settings.server_id, cloudflared.unit_of(layout.settings)
    # The settings go last: they say where the data is, if a removal has to be repeated.
    purge = (Remove(path=layout.settings.data_dir), Remove(path=layout.settings_file)) if is_purging else ()
    podman = layout.settings.podman_binary
    images = (RemoveImages(server=server, podman=podman),) if is_purging else ()
    return (
        Stop(unit=DAEMON),
        Stop(unit=tunnel),
        RemoveContainers(server=server, podman=podman),
        RemoveNetworks(server=server, podman=podman),
        RemoveIsolation(server=server, podman=podman),
        *images,
        Stop(unit=ROUTER, ends_all=True),
        Stop(unit=ROUTER_SOCKET),
        *(Remove(path=path) for path in (*_unit_paths(layout), layout.unit_dir / tunnel)),
        ReadUnits(files=_unit_paths(layout)),
        ClearRunDirectory(path=layout.settings.run_dir),
        Remove(path=layout.journald_drop_in),
        RemoveUser(name=ROUTER_USER),
        Unlink(path=layout.commands_dir / "pvdify", target=layout.scripts / "pvdify"),
        *purge,
    )


def unit_files(layout: Layout) -> tuple[tuple[str, str], ...]:
    """Return the name and text of every unit of the server itself."""
    router = RouterUnit(
        binary=layout.router_binary,
        directory=layout.router_dir,
        config=disk.CONFIG,
        run_dir=replace(layout.settings, router_unit=ROUTER).router_run_dir,
        data_dir=layout.settings.data_dir,
        closed=closed_above(layout.router_binary) if layout.has_router_user else None,
        is_confined=layout.has_router_user,
    )
    return (
        (ROUTER_SOCKET, server_units.router_socket(layout.settings.router_listen)),
        (ROUTER, server_units.router(router)),
        (DAEMON, server_units.daemon(layout.daemon, layout.settings_file)),
    )


def _unit_paths(layout: Layout) -> tuple[Path, ...]:
    return tuple(layout.unit_dir / name for name in UNITS)


def _router_user(layout: Layout) -> tuple[Action, ...]:
    if not layout.has_router_user:
        return ()
    return (AddUser(name=ROUTER_USER), ShareDirectory(path=layout.router_dir, group=ROUTER_USER))


def _directories(layout: Layout) -> tuple[MakeDirectory, ...]:
    private = (layout.settings.data_dir,) if layout.has_router_user else (layout.settings.data_dir, layout.router_dir)
    shared: tuple[Path, ...] = (layout.settings_file.parent,)
    return tuple(
        MakeDirectory(path=path, mode=mode) for paths, mode in ((shared, 0o755), (private, 0o700)) for path in paths
    )
