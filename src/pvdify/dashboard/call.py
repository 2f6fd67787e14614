"""The argument of a page's handler: the request, its session and form, and the engine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pvdify.dashboard import notices
from pvdify.dashboard.cookies import is_over_https
from pvdify.dashboard.forms import form_key
from pvdify.dashboard.pulse import Pulse
from pvdify.dashboard.remembered import Remembered
from pvdify.dashboard.rendering import answer, render
from pvdify.dashboard.rows import RenderedRows
from pvdify.dashboard.sparks import Sparks
from pvdify.engine.access.sessions import SignedIn
from pvdify.engine.front_door import Engine
from pvdify.engine.reading.server import Check, ServerView
from pvdify.engine.state.volumes import VolumeView
from pvdify.model.names import parent_of
from pvdify.model.token import Actor, Role
from pvdify.web.signing_in import NOBODY

TABS = (
    ("App", ""), ("Releases", "/releases"), ("Logs", "/logs"), ("Config", "/config"), ("Domains", "/domains"),
    ("State", "/state"), ("Previews", "/previews"),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Shared:
    """State shared by all requests: the detection of changes, and caches for slow parts of the server."""

    pulse: Pulse
    checks: Remembered[tuple[Check, ...]]
    server: Remembered[ServerView]
    volumes: Remembered[tuple[VolumeView, ...]]
    sparks: Sparks = field(default_factory=Sparks)
    rows: RenderedRows = field(default_factory=RenderedRows)


@dataclass(frozen=True, kw_only=True)
class Call:
    """A checked request. ``form``: the fields of a POST. ``address``: the client's IP address."""

    engine: Engine
    request: Request
    shared: Shared
    signed_in: SignedIn | None = None
    address: str = ""
    form: Mapping[str, str] = field(default_factory=dict)

    @property
    def actor(self) -> Actor:
        """The actor of the request with their current rights; NOBODY without a session."""
        return self.signed_in.actor if self.signed_in is not None else NOBODY

    @property
    def app(self) -> str:
        """The name of the app in the path."""
        return str(self.request.path_params["app"])

    def may(self, role: Role, app: str | None = None) -> bool:
        """Return whether to show an action. Only a hint: the route table enforces the rights."""
        return self.signed_in is not None and self.actor.role.includes(role) and self.actor.reaches(app)

    def page(self, template: str, status: int = 200, **context: object) -> Response:
        """Render a template with ``context``, ``call``, and ``csrf`` (the token for forms)."""
        key = form_key(self.signed_in.key) if self.signed_in is not None else ""
        notice = notices.read(self.request, is_secure=self._is_secure)
        content = render(template, call=self, csrf=key, notice=notice, **context)
        response = answer(self.request, content, status)
        if notice:
            notices.clear(response, is_secure=self._is_secure)
        return response

    def app_page(self, template: str, tab: str, **context: Any) -> Response:
        """Render a page of an app with the app's tabs. A preview has no Previews tab."""
        tabs = TABS if parent_of(self.app) is None else TABS[:-1]
        return self.page(template, app=self.app, tab=tab, tabs=tabs, **context)

    @property
    def _is_secure(self) -> bool:
        return is_over_https(self.request, self.engine.settings)

    def query(self, name: str) -> str:
        """Return a query parameter without surrounding white space, or ""."""
        return self.request.query_params.get(name, "").strip()

    def number(self, name: str, default: int, most: int) -> int:
        """Return a query parameter that is a positive integer, limited to ``most``; ``default`` for any other text."""
        text = self.query(name)
        return min(int(text), most) if text.isascii() and text.isdigit() and len(text) < 12 and int(text) else default

    @property
    def is_turn(self) -> bool:
        """Whether the client asks a stream for what is new and for no more, because it cannot keep one open."""
        return self.query("turn") == "yes"

    def field(self, name: str) -> str:
        """Return a field of the form without surrounding white space, or ""."""
        return self.form.get(name, "").strip()

    def done(self, path: str, notice: str = "") -> Response:
        """Redirect to a page after a successful form; the page shows the notice once."""
        response = RedirectResponse(quote(path, safe="/?&=%#:@"), 303)
        if notice:
            notices.write(response, notice, is_secure=self._is_secure)
        return response
