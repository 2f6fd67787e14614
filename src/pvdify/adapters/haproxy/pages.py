"""The few pages the router answers with itself: small, self-contained, and silent about what is behind it."""

NOT_FOUND = 404
UNAVAILABLE = 503

_TEMPLATE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<title>{title}</title><style>body{{font:16px/1.5 system-ui,sans-serif;margin:15vh auto;max-width:30em;"
    "padding:0 1em;color:#333}}h1{{font-size:1.4em}}</style><h1>{title}</h1><p>{text}</p></html>"
)
_TEXTS = {
    404: ("Nothing lives here", "No app answers to this address. Please check how it is spelled."),
    502: ("That did not work", "The app gave no usable answer. Please try again in a moment."),
    503: ("Back in a moment", "This app is not available right now. Please try again in a minute."),
    504: ("This takes too long", "The app did not answer in time. Please try again in a moment."),
}
# What the router has to make up when a target fails it; 404 and 503 are also answers of our own rules.
MADE_UP = (502, 503, 504)


def page(status: int) -> str:
    """The HTML of one page; holds no single quote and no line end, so it can stand in a quoted argument."""
    title, text = _TEXTS[status]
    return _TEMPLATE.format(title=title, text=text)
