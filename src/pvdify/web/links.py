"""URLs of dashboard pages that are sent to people outside the dashboard."""

from pvdify.engine.front_door import Engine

INVITATION = "/invitation"
SIGN_IN_LINK = "/sign-in/link"


async def own_url(engine: Engine, path: str) -> str:
    """Return the whole URL of a page: at the public name if it is served by https, else on loopback.

    Raises StoreUnavailable.
    """
    settings = engine.settings
    urls = await engine.queries.urls()
    is_public = settings.has_public_dashboard and urls.scheme == "https"
    base = settings.audience if is_public else f"http://{settings.listen.from_here}"
    return f"{base}{path}"
