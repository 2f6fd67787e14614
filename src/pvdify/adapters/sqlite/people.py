"""The ``people_store`` port: users, sessions and passkeys."""

from datetime import datetime

from pvdify.adapters.sqlite.queries import statements
from pvdify.adapters.sqlite.records import Records
from pvdify.adapters.sqlite.rows import TABLES, to_row
from pvdify.model.event import Event
from pvdify.model.passkey import Passkey
from pvdify.model.user import HolderKind, Session, User


class PeopleRecords(Records):
    """The methods of ``SqliteStore`` for users, sessions and passkeys."""

    async def save_people(self, *records: User | Session | Passkey | Event) -> None:
        await self._write([(TABLES[type(record)].upsert, to_row(record)) for record in records])

    async def user(self, id: str) -> User | None:
        found = await self._all(User, "user", id=id)
        return found[0] if found else None

    async def users(self) -> tuple[User, ...]:
        return await self._all(User, "users")

    async def was_removed(self, issuer: str, subject: str) -> bool:
        return bool(await self._rows("removed_user", issuer=issuer, subject=subject))

    async def session(self, id: str) -> Session | None:
        found = await self._all(Session, "session", id=id)
        return found[0] if found else None

    async def sessions(self, now: datetime) -> tuple[Session, ...]:
        return await self._all(Session, "sessions", now=_stamp(now))

    async def revoke_sessions(self, kind: HolderKind, holder: str, at: datetime, event: Event) -> None:
        values = {"kind": kind.value, "holder": holder, "at": _stamp(at)}
        await self._write([(statements()["revoke_sessions"], values), (TABLES[Event].upsert, to_row(event))])

    async def note_use(self, session: str, at: datetime) -> None:
        values = {"id": session, "at": _stamp(at)}
        await self._write([(statements()[name], values) for name in ("note_session_use", "note_user_seen")])

    async def forget_sessions(self, before: datetime) -> None:
        await self._write([(statements()["forget_sessions"], {"before": _stamp(before)})])

    async def passkey(self, id: str) -> Passkey | None:
        found = await self._all(Passkey, "passkey", id=id)
        return found[0] if found else None

    async def passkeys(self, user: str) -> tuple[Passkey, ...]:
        return await self._all(Passkey, "passkeys", user=user)

    async def note_passkey_use(self, id: str, uses: int, at: datetime) -> None:
        await self._write([(statements()["note_passkey_use"], {"id": id, "uses": uses, "at": _stamp(at)})])

    async def forget_passkey(self, passkey: Passkey, event: Event) -> None:
        forget = (statements()["forget_passkey"], {"id": passkey.id})
        await self._write([forget, (TABLES[Event].upsert, to_row(event))])


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
