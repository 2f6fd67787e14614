"""Rendering of Jinja2 templates with automatic escaping, and the filters that pages share."""

import gzip
import re
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import Response

from pvdify import __version__
from pvdify.dashboard.formats import FILTERS, status
from pvdify.dashboard.static_files import address_of
from pvdify.model.token import Role

_COLOUR = re.compile(r"\x1b\[[0-9;:]*[A-Za-z]")
# control characters except tab and line feed, and characters that change the direction of text
_HIDING = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SMALL = 1000  # characters; shorter pages are not compressed


@cache
def environment() -> Environment:
    """Return the Jinja2 environment. Every value that is not Markup is escaped; an unknown name is an error."""
    made = Environment(
        loader=PackageLoader("pvdify.dashboard"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, auto_reload=False, cache_size=200, finalize=visible,
    )  # fmt: skip
    made.filters.update(FILTERS, prose=prose)
    made.globals.update(static=address_of, version=__version__, Role=Role, status=status)
    return made


def render(template: str, **context: object) -> str:
    """Return a page's HTML."""
    return environment().get_template(template).render(context)


def answer(request: Request, content: str, status: int = 200) -> Response:
    """Return a page as a response, compressed if the browser accepts gzip.

    Compression reveals no form token, because the token's text differs in each page (BREACH).
    """
    headers = {"Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", "") and len(content) > _SMALL:
        compressed = gzip.compress(content.encode(), 4, mtime=0)
        return Response(compressed, status, {**headers, "Content-Encoding": "gzip"}, "text/html")
    return Response(content, status, headers, "text/html")


def visible(value: object) -> object:
    """Return text without terminal colours. Characters that could hide or reorder other text become U+FFFD.

    Values that are not text are returned unchanged.
    """
    if not isinstance(value, str) or not _HIDING.search(value):
        return value
    cleaned = _HIDING.sub("\N{REPLACEMENT CHARACTER}", _COLOUR.sub("", value))
    return Markup(cleaned) if isinstance(value, Markup) else cleaned  # noqa: S704 - markup stays what it was


def prose(text: str) -> Markup:
    """Convert a message of pvdify to HTML: text between backquotes becomes ``<code>``."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # an unpaired backquote is plain text
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part) for number, part in enumerate(parts)
    )
