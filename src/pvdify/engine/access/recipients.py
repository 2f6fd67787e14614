"""The age keys that can decrypt the config files: the server's own key, which can be rotated, and other recipients."""

import asyncio
import re

from pvdify.errors import InvalidRecipient, RecipientNotFound
from pvdify.model.action import Action
from pvdify.model.event import Event
from pvdify.model.token import Actor
from pvdify.ports.clock import Clock
from pvdify.ports.secrets import Recipient, Reencrypted, Secrets
from pvdify.ports.store import Store

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._@+-]{0,63}")


class Recipients:
    """Requests about recipients. Each change re-encrypts every file, so that a removed recipient cannot open them."""

    def __init__(self, *, clock: Clock, secrets: Secrets, store: Store) -> None:
        self._clock, self._secrets, self._store = clock, secrets, store
        self._changing = asyncio.Lock()

    async def list(self) -> tuple[Recipient, ...]:
        """Return all recipients, the server first. Raises SecretsLocked."""
        return await self._secrets.recipients()

    async def add(self, name: str, key: str, actor: Actor) -> Reencrypted:
        """Add a recipient and re-encrypt all files. Raises InvalidRecipient, SecretsLocked, StoreUnavailable."""
        recipient = Recipient(name=name.strip(), key=key.strip())
        async with self._changing:
            known = await self.list()
            if problem := _problem(recipient, known):
                raise InvalidRecipient(
                    "no recipient was added", why=problem, next="`pvdify secrets` lists the recipients"
                )
            done = await self._secrets.set_recipients((*known[1:], recipient))
            await self._record(actor, Action.SECRETS_RECIPIENT_ADDED, f"{recipient.name} ({recipient.key})")
        return done

    async def remove(self, name: str, actor: Actor) -> Reencrypted:
        """Remove a recipient and re-encrypt all files. Raises RecipientNotFound, SecretsLocked, StoreUnavailable."""
        async with self._changing:
            _, *others = await self.list()
            kept = tuple(recipient for recipient in others if recipient.name != name)
            if len(kept) == len(others):
                raise RecipientNotFound(
                    f'there is no recipient "{name}"', why="the server itself cannot be taken away",
                    next="`pvdify secrets` lists the recipients",
                )  # fmt: skip
            done = await self._secrets.set_recipients(kept)
            await self._record(actor, Action.SECRETS_RECIPIENT_REMOVED, name)
        return done

    async def rotate(self, actor: Actor) -> Reencrypted:
        """Create a new key for the server and re-encrypt all files. Raises SecretsLocked, StoreUnavailable."""
        async with self._changing:
            done = await self._secrets.rotate()
            await self._record(
                actor, Action.SECRETS_ROTATED, f"{done.documents} config files, key {done.recipients[0].key}"
            )
        return done

    async def _record(self, actor: Actor, action: Action, text: str) -> None:
        await self._store.save(
            Event(at=self._clock.now(), actor=actor.name, address=actor.address, action=action, text=text)
        )


def _problem(recipient: Recipient, known: tuple[Recipient, ...]) -> str:
    if not NAME.fullmatch(recipient.name):
        return "a name has 1 to 64 letters, digits, blanks and ._@+-"
    if "\n" in recipient.key:
        return "a key is one line"
    for other in known:
        if recipient.name == other.name:
            return f'the name "{other.name}" is taken'
        if recipient.key == other.key:
            return f'this is the key of "{other.name}"'
    return ""
