"""The errors for what is not here, the same wherever it is asked for."""

from pvdify.errors import AppNotFound, AppRenamed, OperationNotFound, ReleaseNotFound
from pvdify.model.former_name import FormerName


def no_app(name: str) -> AppNotFound:
    """No app has this name."""
    return AppNotFound(
        f"there is no app {name} on this server",
        next=f"`pvdify apps` lists the apps; `pvdify deploy {name} --image REFERENCE` makes it",
    )


def renamed(former: FormerName) -> AppRenamed:
    """The app of this name has another one now."""
    return AppRenamed(
        f"{former.name} is called {former.app} since {former.since:%Y-%m-%d %H:%M} UTC",
        next=f"use {former.app}, also as `app` in pvdify.yml, in workflows and in PVDIFY_APP",
    )


def no_release(app: str, version: int) -> ReleaseNotFound:
    """The app has no release with this number."""
    return ReleaseNotFound(f"{app} has no release v{version}", next=f"`pvdify releases {app}` lists them")


def no_operation(app: str, id: str) -> OperationNotFound:
    """There is no operation with this id."""
    return OperationNotFound(f"{app} has no operation {id}", next=f"`pvdify ps {app}` shows what runs now")
