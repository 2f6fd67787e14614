"""Protection of forms against cross-site request forgery (CSRF): an origin check and a token in each form."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping

from starlette.requests import Request

from pvdify.dashboard.cookies import origin_of
from pvdify.errors import DeniedError
from pvdify.settings import Settings

FIELD = "csrf"
HEADER = "X-CSRF-Token"  # scripts send the token as a header


def form_key(key: str) -> str:
    """Return a token for the forms of one page; its text differs in each call, so that compression does not reveal it.

    See the BREACH attack.
    """
    nonce = secrets.token_hex(16)
    return f"{nonce}.{_sign(key, nonce)}"


def check_origin(request: Request, settings: Settings) -> None:
    """Raise DeniedError unless the request comes from a page of this dashboard."""
    own = origin_of(request, settings)
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if (origin is not None and origin.lower() != own) or (site is not None and site != "same-origin"):
        raise _refused("it was sent by a page of another site")
    if origin is None and site is None:
        raise _refused("the browser did not say which page sent it (no Origin header)")


def check_key(request: Request, form: Mapping[str, str], key: str) -> None:
    """Raise DeniedError unless the form or the header has a token of this session."""
    nonce, _, signature = (form.get(FIELD) or request.headers.get(HEADER, "")).partition(".")
    if not hmac.compare_digest(signature.encode(), _sign(key, nonce).encode()):
        raise _refused("its token is not of your present session")


def _sign(key: str, nonce: str) -> str:
    return hmac.new(key.encode(), nonce.encode(), hashlib.sha256).hexdigest()


def _refused(why: str) -> DeniedError:
    return DeniedError("this form was not accepted", why=why, next="open the page again and send the form from there")
