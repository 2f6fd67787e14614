"""One request as a page's handler sees it: who asks, the form that was sent, and the engine to ask."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pvdify.dashboard import notices
from pvdify.dashboard.forms import form_key
from pvdify.dashboard.pulse import Pulse
from pvdify.dashboard.remembered import Remembered
from pvdify.dashboard.rendering import answer, render
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


@dataclass
class Sparks:
    """The small charts of the list of apps, as they were drawn from the samples of ``at``."""

    at: datetime | None = None
    drawn: dict[str, Markup] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Shared:
    """What all requests share: the look for changes, and answers of slow parts of the server."""

    pulse: Pulse
    checks: Remembered[tuple[Check, ...]]
    server: Remembered[ServerView]
    volumes: Remembered[tuple[VolumeView, ...]]
    sparks: Sparks = field(default_factory=Sparks)


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request that passed the checks of ``application``. ``form``: the fields of a POST."""

    engine: Engine
    request: Request
    shared: Shared
    signed_in: SignedIn | None = None
    address: str = ""
    form: Mapping[str, str] = field(default_factory=dict)

    @property
    def actor(self) -> Actor:
        """Who asks, with the rights that the records give now."""
        return self.signed_in.actor if self.signed_in is not None else NOBODY

    @property
    def app(self) -> str:
        """The app in the path."""
        return str(self.request.path_params["app"])

    def may(self, role: Role, app: str | None = None) -> bool:
        """Whether to offer an action; the route table decides whether it is carried out."""
        return self.signed_in is not None and self.actor.role.includes(role) and self.actor.reaches(app)

    def page(self, template: str, status: int = 200, **context: object) -> Response:
        """Render a template. It has ``call``, and ``csrf`` for its forms, besides ``context``."""
        key = form_key(self.signed_in.key) if self.signed_in is not None else ""
        notice = notices.read(self.request)
        content = render(template, call=self, csrf=key, notice=notice, **context)
        response = answer(self.request, content, status)
        if notice:
            notices.clear(response)
        return response

    def app_page(self, template: str, tab: str, **context: Any) -> Response:
        """Render a page of an app, with the app's own navigation."""
        tabs = TABS if parent_of(self.app) is None else TABS[:-1]
        return self.page(template, app=self.app, tab=tab, tabs=tabs, **context)

    def query(self, name: str) -> str:
        """A parameter of the address; "" if it is not there."""
        return self.request.query_params.get(name, "").strip()

    def number(self, name: str, default: int, most: int) -> int:
        """A parameter that is a number from 1 on; ``default`` for anything else."""
        text = self.query(name)
        return min(int(text), most) if text.isascii() and text.isdigit() and len(text) < 12 and int(text) else default

    def field(self, name: str) -> str:
        """A field of the form without white space around it; "" if it was not sent."""
        return self.form.get(name, "").strip()

    def done(self, path: str, notice: str = "") -> Response:
        """Answer a form that was carried out: lead on to a page, which shows the notice once."""
        response = RedirectResponse(quote(path, safe="/?&=%#:@"), 303)
        if notice:
            notices.write(response, notice)
        return response
