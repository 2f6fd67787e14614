"""Request types about access to the server and to registries."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class CreateToken:
    """POST /tokens. ``app``: the only app that the token may use. ``expires_in``: seconds; null: never."""

    name: str
    role: Literal["admin", "deploy", "read"] = "deploy"
    app: str | None = None
    expires_in: int | None = None


@dataclass(frozen=True, kw_only=True)
class InviteUser:
    """POST /users. ``app``: the only app that the user may use.

    ``email``, ``github``: accounts that may sign in as this user. ``again``: create another link for an existing user
    of this name, and change nothing else.
    """

    name: str
    role: Literal["admin", "deploy", "read"] = "read"
    app: str | None = None
    email: str = ""
    github: str = ""
    again: bool = False


@dataclass(frozen=True, kw_only=True)
class SetUserRole:
    """PATCH /users/{user}. ``app``: the only app that the user may use from now on; null: all."""

    role: Literal["admin", "deploy", "read"]
    app: str | None = None


@dataclass(frozen=True, kw_only=True)
class LogInToRegistry:
    """PUT /registries/{host}. ``password``: a password or access token, stored as a secret.

    ``app``: use the login for this app only.
    """

    username: str
    password: str = field(repr=False)
    app: str | None = None
