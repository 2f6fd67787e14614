"""Wires the room of tokens, sessions of browsers and keyless sign-in."""

from dataclasses import dataclass

from pvdify.engine.access.config_files import ConfigFiles
from pvdify.engine.access.keyless import Keyless
from pvdify.engine.access.passkeys import Passkeys
from pvdify.engine.access.provider_sign_in import ProviderSignIn
from pvdify.engine.access.recipients import Recipients
from pvdify.engine.access.registries import Registries
from pvdify.engine.access.sessions import Sessions
from pvdify.engine.access.tokens import Tokens
from pvdify.engine.access.users import Users
from pvdify.engine.deploys.requests import Requests
from pvdify.engine.edge.hostname_claims import HostnameClaims
from pvdify.engine.wiring.outside import Outside
from pvdify.engine.world import World


@dataclass(frozen=True, kw_only=True)
class AccessParts:
    """The parts of this room."""

    config_files: ConfigFiles
    keyless: Keyless
    passkeys: Passkeys
    provider_sign_in: ProviderSignIn
    recipients: Recipients
    registries: Registries
    sessions: Sessions
    tokens: Tokens
    users: Users


def wire_registries(world: World) -> Registries:
    """Make the registry logins, which are made first because renaming or destroying an app changes them."""
    return Registries(
        clock=world.clock, credentials=world.credentials, registry_logins=world.registry_logins, store=world.store
    )


def wire_access(
    world: World, outside: Outside, claims: HostnameClaims, requests: Requests, registries: Registries
) -> AccessParts:
    """Make the other parts of this room."""
    clock, people, secrets, store = world.clock, outside.people, world.secrets, world.store
    tokens = Tokens(clock=clock, store=store)
    sessions = Sessions(clock=clock, people=people, tokens=tokens)
    return AccessParts(
        config_files=ConfigFiles(clock=clock, secrets=secrets, store=store, requests=requests),
        keyless=Keyless(
            clock=clock, former_names=world.former_names, settings=world.settings, store=store, claims=claims,
            links=outside.links, code_host=outside.code_host, identities=outside.identities,
        ),
        passkeys=Passkeys(clock=clock, people=people, sessions=sessions, checks=outside.passkey_checks),
        provider_sign_in=ProviderSignIn(
            clock=clock, locks=world.locks, settings=world.settings, people=people, sessions=sessions,
            provider=outside.sign_in_provider,
        ),
        recipients=Recipients(clock=clock, secrets=secrets, store=store),
        registries=registries,
        sessions=sessions,
        tokens=tokens,
        users=Users(clock=clock, locks=world.locks, store=store, people=people, sessions=sessions),
    )  # fmt: skip
