"""Two applications on one listener."""

from starlette.types import ASGIApp, Receive, Scope, Send


class ByPath:
    """Sends requests at or below the given paths to ``application``, and all others to ``other``."""

    def __init__(self, paths: tuple[str, ...], application: ASGIApp, other: ASGIApp) -> None:
        self._paths, self._application, self._other = paths, application, other

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        path = scope.get("path", "")
        is_match = any(path == each or path.startswith(f"{each}/") for each in self._paths)
        await (self._application if is_match else self._other)(scope, receive, send)
