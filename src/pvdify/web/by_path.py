"""Two applications on one listener."""

from starlette.types import ASGIApp, Receive, Scope, Send


class ByPath:
    """Leads to ``application`` what is at one of its paths or below, and to ``other`` everything else."""

    def __init__(self, paths: tuple[str, ...], application: ASGIApp, other: ASGIApp) -> None:
        self._paths, self._application, self._other = paths, application, other

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        path = scope.get("path", "")
        is_its = any(path == each or path.startswith(f"{each}/") for each in self._paths)
        await (self._application if is_its else self._other)(scope, receive, send)
