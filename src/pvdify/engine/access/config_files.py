"""Requests about a whole config: reveal values, export, import, roll back, and copy to another app."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from pvdify.engine.deploys.requests import Requests
from pvdify.engine.world.not_found import no_app
from pvdify.errors import ConfigVarNotFound, ConfigVersionNotFound
from pvdify.model.action import Action
from pvdify.model.config import Changes, ConfigVar
from pvdify.model.event import Event
from pvdify.model.instance import Secret
from pvdify.model.token import Actor
from pvdify.ports.clock import Clock
from pvdify.ports.secrets import OpenedFile, Secrets
from pvdify.ports.store import Store


@dataclass(frozen=True, kw_only=True)
class Imported:
    """The changes of an import or a rollback: the new config version, or the newest if nothing changed; changed names.

    ``live_version``: the config version of the live release.
    """

    version: int
    live_version: int | None
    set_keys: tuple[str, ...]
    unset_keys: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Copied:
    """The changes of a copy: the target's new config version, or the newest if nothing changed; omitted secrets.

    ``live_version``: the config version of the target's live release.
    """

    version: int
    live_version: int | None
    set_keys: tuple[str, ...]
    left_out: tuple[str, ...]


class ConfigFiles:
    """Reveals, exports, imports, rolls back and copies the config of apps."""

    def __init__(self, *, clock: Clock, secrets: Secrets, store: Store, requests: Requests) -> None:
        self._clock, self._secrets, self._store = clock, secrets, store
        self._requests = requests

    async def reveal(self, app: str, keys: Sequence[str], actor: Actor) -> dict[str, Secret]:
        """Return the values of the named config vars, also secrets, and record an event with the actor and the names.

        Raises AppNotFound, ConfigVarNotFound, StoreUnavailable.
        """
        _, values = await self._newest(app)
        if missing := [key for key in keys if key not in values]:
            raise await self._not_found(app, missing)
        await self._tell(app, actor, Action.CONFIG_REVEALED, ", ".join(sorted(keys)))
        return {key: values[key].value for key in keys}

    async def _not_found(self, app: str, missing: Sequence[str]) -> ConfigVarNotFound:
        what = f"{app} has no config var {', '.join(missing)}"
        for link in await self._store.service_links(app=app):
            if link.variable in missing:
                return ConfigVarNotFound(
                    what, why=f"{link.variable} is the URL of the service {link.hostname}, not a config var of its own",
                    next=f"`pvdify run {app} -- sh -c 'echo ${link.variable}'` shows it",
                )  # fmt: skip
        return ConfigVarNotFound(what, next=f"`pvdify config {app}` shows what is set")

    async def export_file(self, app: str, actor: Actor) -> tuple[int, str]:
        """Return the newest config version and its encrypted file, and record an event with the actor.

        Raises AppNotFound, ConfigVarNotFound (nothing was ever set), StoreUnavailable.
        """
        version, _ = await self._newest(app)
        if version == 0:
            raise ConfigVarNotFound(f"{app} has no config yet", next=f"`pvdify config:set {app} KEY=VALUE` makes one")
        text = await self._secrets.text(app, version)
        await self._tell(app, actor, Action.CONFIG_EXPORTED, f"config v{version}")
        return version, text

    async def import_file(self, app: str, text: str, kind: str, plain: Sequence[str], actor: Actor) -> Imported:
        """Replace the app's whole config with the values of the file. Names in ``plain`` are not secrets.

        Raises AppNotFound, InvalidConfigFile, InvalidConfigVar, StoreUnavailable.
        """
        await self._newest(app)
        opened = await self._secrets.open_file(text, kind)
        return await self._replace(
            app, lambda current: {name: self._var(name, opened, current, plain) for name in opened.values}, actor
        )

    async def roll_back(self, app: str, version: int | None, actor: Actor) -> Imported:
        """Create a config version equal to an older one; None selects the version before the newest.

        Existing versions do not change. A value that is secret now stays secret.

        Raises AppNotFound, ConfigVersionNotFound, StoreUnavailable.
        """
        newest, _ = await self._newest(app)
        target = newest - 1 if version is None else version
        if not 0 <= target < max(newest, 1):
            raise ConfigVersionNotFound(
                f"the config of {app} was not changed",
                why=f"there is no version {target} before the newest, {newest}",
                next=f"`pvdify config:history {app}` lists the versions",
            )
        older = await self._secrets.read(app, target)

        def wanted(current: Mapping[str, ConfigVar]) -> dict[str, ConfigVar]:
            hidden = {name: var.value for name, var in current.items() if var.is_secret}
            return {
                name: replace(var, is_secret=True) if hidden.get(name) == var.value else var
                for name, var in older.items()
            }

        return await self._replace(app, wanted, actor)

    async def _replace(
        self, app: str, wanted_of: Callable[[Mapping[str, ConfigVar]], Mapping[str, ConfigVar]], actor: Actor
    ) -> Imported:
        """Replace the config with the result of ``wanted_of``.

        It is called with the newest values, while no other request can change them.
        """
        changes: dict[str, ConfigVar | None] = {}

        def changes_of(current: Mapping[str, ConfigVar]) -> Changes:
            wanted = wanted_of(current)
            changes.update({name: var for name, var in wanted.items() if current.get(name) != var})
            changes.update(dict.fromkeys(current.keys() - wanted.keys()))
            return changes

        made = await self._requests.change_config(app, changes_of, actor)
        return Imported(
            version=made.version,
            live_version=made.live_version,
            set_keys=tuple(sorted(name for name, var in changes.items() if var is not None)),
            unset_keys=tuple(sorted(name for name, var in changes.items() if var is None)),
        )

    async def copy(
        self, source: str, target: str, keys: Sequence[str], actor: Actor, *, with_secrets: bool
    ) -> Copied:  # fmt: skip
        """Copy config vars of ``source`` to ``target``: the names in ``keys``, or all. No value leaves the server.

        Secrets are omitted, even if they are in ``keys``, unless ``with_secrets``; copied secrets stay secret. Other
        names of ``target`` do not change. An event is also recorded for the source.

        Raises AppNotFound, ConfigVarNotFound, InvalidConfigVar, StoreUnavailable.
        """
        _, values = await self._newest(source)
        if missing := [key for key in keys if key not in values]:
            raise ConfigVarNotFound(
                f"{source} has no config var {', '.join(missing)}", next=f"`pvdify config {source}` shows what is set"
            )
        await self._newest(target)
        wanted = {key: values[key] for key in keys or sorted(values)}
        left_out = () if with_secrets else tuple(key for key, var in wanted.items() if var.is_secret)
        changes: dict[str, ConfigVar] = {}

        def changes_of(current: Mapping[str, ConfigVar]) -> Changes:
            changes.update({key: var for key, var in wanted.items() if key not in left_out and current.get(key) != var})
            return changes

        made = await self._requests.change_config(target, changes_of, actor)
        if changes:
            await self._tell(source, actor, Action.CONFIG_COPIED, f"to {target}: {', '.join(sorted(changes))}")
        return Copied(
            version=made.version, live_version=made.live_version, set_keys=tuple(sorted(changes)), left_out=left_out
        )

    def _var(
        self, name: str, opened: OpenedFile, current: Mapping[str, ConfigVar], plain: Sequence[str]
    ) -> ConfigVar:  # fmt: skip
        """Return the config var of a name in the file.

        The value is secret if the file marks it as secret, or encrypts it and the app has no plain value of that name.
        A name in ``plain`` is never secret.
        """
        was_plain = name in current and not current[name].is_secret
        is_secret = name in opened.marked or not (was_plain or name in opened.clear)
        return ConfigVar(value=opened.values[name], is_secret=is_secret and name not in plain)

    async def _newest(self, app: str) -> tuple[int, dict[str, ConfigVar]]:
        if await self._store.app(app) is None:
            raise no_app(app)
        versions = await self._store.config_versions(app)
        version = versions[0].version if versions else 0
        return version, await self._secrets.read(app, version)

    async def _tell(self, app: str, actor: Actor, action: Action, text: str) -> None:
        event = Event(at=self._clock.now(), actor=actor.name, address=actor.address, action=action, app=app, text=text)
        await self._store.save(event)
