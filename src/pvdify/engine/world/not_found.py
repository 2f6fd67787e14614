"""The errors for missing apps, releases, processes and operations. Pure functions."""

from collections.abc import Iterable

from pvdify.errors import AppNotFound, AppRenamed, OperationNotFound, ReleaseNotFound, UnknownProcess
from pvdify.manifest.names import nearest
from pvdify.model.former_name import FormerName


def no_app(name: str) -> AppNotFound:
    """Return the error for a name that no app has."""
    return AppNotFound(
        f"there is no app {name} on this server",
        next=f"`pvdify apps` lists the apps; `pvdify deploy {name} --image REFERENCE` makes it",
    )


def renamed(former: FormerName) -> AppRenamed:
    """Return the error for a former name, with the app's current name."""
    return AppRenamed(
        f"{former.name} is called {former.app} since {former.since:%Y-%m-%d %H:%M} UTC",
        next=f"use {former.app}, also as `app` in pvdify.yml, in workflows and in PVDIFY_APP",
    )


def no_release(app: str, version: int) -> ReleaseNotFound:
    """Return the error for a release number that the app does not have."""
    return ReleaseNotFound(f"{app} has no release v{version}", next=f"`pvdify releases {app}` lists them")


def no_process(app: str, process: str, version: int, known: Iterable[str]) -> UnknownProcess:
    """Return the error for a process that a release does not have. ``known``: the processes that it has."""
    names = sorted(known)
    near = nearest(process, names)
    return UnknownProcess(
        f'{app} has no process "{process[:40]}" in v{version}',
        why=f'did you mean "{near}"?' if near else f"its processes are {', '.join(names) or 'none'}",
        next=f"`pvdify logs {app} --process {near or next(iter(names), 'web')}`; `pvdify ps {app}` lists the processes",
    )


def no_operation(app: str, id: str) -> OperationNotFound:
    """Return the error for an operation id that the app does not have."""
    return OperationNotFound(f"{app} has no operation {id}", next=f"`pvdify ps {app}` shows what runs now")
