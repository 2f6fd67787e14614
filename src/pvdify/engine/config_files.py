"""Config versions as an operator handles them: secrets told, files taken away, edited and brought back."""

from collections.abc import Sequence
from dataclasses import dataclass

from pvdify.engine.not_found import no_app
from pvdify.engine.requests import Requests
from pvdify.engine.world import World
from pvdify.errors import ConfigVarNotFound
from pvdify.model.config import ConfigVar
from pvdify.model.event import Event
from pvdify.model.instance import Secret
from pvdify.model.token import Actor
from pvdify.ports.secrets import OpenedFile


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What a file changed: the version that it made, or the one that there was, and the names that changed."""

    version: int
    set_keys: tuple[str, ...]
    unset_keys: tuple[str, ...]


class ConfigFiles:
    """What only an admin may: these show values, or open whatever file the server can open."""

    def __init__(self, world: World, requests: Requests) -> None:
        self._world = world
        self._requests = requests

    async def reveal(self, app: str, keys: Sequence[str], actor: Actor) -> dict[str, Secret]:
        """The values of these names, secret or not; an event says who asked for which.

        Raises AppNotFound, ConfigVarNotFound, StoreUnavailable.
        """
        _, values = await self._newest(app)
        if missing := [key for key in keys if key not in values]:
            raise ConfigVarNotFound(
                f"{app} has no config var {', '.join(missing)}", next=f"`pvdify config {app}` shows what is set"
            )
        await self._tell(app, actor, "config.revealed", ", ".join(sorted(keys)))
        return {key: values[key].value for key in keys}

    async def export_file(self, app: str, actor: Actor) -> tuple[int, str]:
        """The newest version's number, and its file, encrypted as it is. An event says who took it.

        Raises AppNotFound, ConfigVarNotFound (nothing was ever set), StoreUnavailable.
        """
        version, _ = await self._newest(app)
        if version == 0:
            raise ConfigVarNotFound(f"{app} has no config yet", next=f"`pvdify config:set {app} KEY=VALUE` makes one")
        text = await self._world.secrets.text(app, version)
        await self._tell(app, actor, "config.exported", f"config v{version}")
        return version, text

    async def import_file(self, app: str, text: str, kind: str, plain: Sequence[str], actor: Actor) -> Imported:
        """Make what the file holds the app's config, all of it. Names in ``plain`` are no secrets.

        Raises AppNotFound, InvalidConfigFile, InvalidConfigVar, StoreUnavailable.
        """
        version, current = await self._newest(app)
        opened = await self._world.secrets.open_file(text, kind)
        wanted = {name: self._var(name, opened, current, plain) for name in opened.values}
        changed = {name: var for name, var in wanted.items() if current.get(name) != var}
        gone = sorted(current.keys() - wanted.keys())
        if changed or gone:
            changes = {**changed, **dict.fromkeys(gone)}
            version, _ = await self._requests.change_config(app, changes, actor)
        return Imported(version=version, set_keys=tuple(sorted(changed)), unset_keys=tuple(gone))

    def _var(
        self, name: str, opened: OpenedFile, current: dict[str, ConfigVar], plain: Sequence[str]
    ) -> ConfigVar:  # fmt: skip
        """What the file marks is secret; so is what it encrypts, unless the app has it as plain already."""
        was_plain = name in current and not current[name].is_secret
        is_secret = name in opened.marked or not (was_plain or name in opened.clear)
        return ConfigVar(value=opened.values[name], is_secret=is_secret and name not in plain)

    async def _newest(self, app: str) -> tuple[int, dict[str, ConfigVar]]:
        if await self._world.store.app(app) is None:
            raise no_app(app)
        versions = await self._world.store.config_versions(app)
        version = versions[0].version if versions else 0
        return version, await self._world.secrets.read(app, version)

    async def _tell(self, app: str, actor: Actor, action: str, text: str) -> None:
        event = Event(at=self._world.clock.now(), actor=actor.name, action=action, app=app, text=text)
        await self._world.store.save(event)
