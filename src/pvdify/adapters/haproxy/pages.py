"""HTML pages that the router sends itself: small, self-contained, and without information about the app or the server.

The pages are accessible: a heading that equals the title, a main landmark, a text size and a light or dark colour
scheme that follow the reader's settings, and a link to try again.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page.

    ``retry_after``: value of Retry-After in seconds; 0 if a retry does not help. ``sign_in``: value of
    WWW-Authenticate, if visitors need a password.
    """

    status: int
    title: str
    text: str
    retry_after: int = 0
    sign_in: str = ""


LARGEST_HEADERS_KB = 64
MOST_HEADERS = 1000
NOT_FOUND = Page(
    status=404, title="Nothing lives here", text="No app answers to this address. Please check how it is spelled."
)
SIGN_IN = Page(
    status=401, title="Please sign in", text="This is a preview. It needs the name and password of its team.",
    sign_in='Basic realm="preview", charset="UTF-8"',
)  # fmt: skip
MAINTENANCE = Page(
    status=503, title="Down for maintenance", text="This app is being worked on. Please come back a little later.",
    retry_after=120,
)  # fmt: skip
UNAVAILABLE = Page(
    status=503, title="Back in a moment", text="This app is not available right now. Please try again in a minute.",
    retry_after=5,
)  # fmt: skip
TOO_LARGE = Page(
    status=431, title="Too much to read",
    text=f"The headers of this request are larger than {LARGEST_HEADERS_KB} kB, or there are more than "
    f"{MOST_HEADERS:,}. Most often these are cookies: delete those of this site, and try again.",
)  # fmt: skip
TOO_BUSY = Page(
    status=503, title="Many visitors at once", text="This app has more visitors than it can answer. Please try again.",
    retry_after=5,
)  # fmt: skip
# Answers in place of HAProxy's own when a target fails. The rules also answer with 503 themselves.
MADE_UP = (
    Page(
        status=502, title="That did not work",
        text="The app gave no usable answer: it ended without one, or the answer is not valid HTTP or has headers "
        f"larger than {LARGEST_HEADERS_KB} kB. Please try again in a moment.",
        retry_after=5,
    ),
    UNAVAILABLE,
    Page(
        status=504, title="This takes too long", text="The app did not answer in time. Please try again in a moment.",
        retry_after=5,
    ),
)  # fmt: skip
ALL = (NOT_FOUND, SIGN_IN, MAINTENANCE, TOO_LARGE, TOO_BUSY, *MADE_UP)

_STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:1.0625rem/1.6 system-ui,sans-serif;max-width:32rem;margin:18vh auto 0;padding:0 1.5rem}"
    "h1{font-size:1.75rem;line-height:1.25;margin:0 0 .5rem}p{margin:0 0 1rem}"
)


def html(page: Page) -> str:
    """Return a page's HTML, without single quotes and line ends, so that it can be a quoted argument."""
    again = '<p><a href="">Try again</a></p>' if page.retry_after else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
        f"<title>{page.title}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{page.title}</h1><p>{page.text}</p>{again}</main></body></html>"
    )


def response(page: Page) -> str:
    """Return a page as arguments of a HAProxy rule."""
    retry = f" hdr Retry-After {page.retry_after}" if page.retry_after else ""
    retry += f" hdr WWW-Authenticate '{page.sign_in}'" if page.sign_in else ""
    return (
        f'status {page.status} content-type "text/html; charset=utf-8" '
        f"string '{html(page)}' hdr Cache-Control no-store{retry}"
    )
