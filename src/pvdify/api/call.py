"""One request as a handler sees it: who asks, what for, and the engine to ask."""

from dataclasses import dataclass, fields
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json
from starlette.requests import Request

from pvdify.engine.config_files import ConfigFiles
from pvdify.engine.domains import Domains
from pvdify.engine.edge import EdgeKeeper
from pvdify.engine.keyless import Keyless
from pvdify.engine.notifications import Notifications
from pvdify.engine.observations import Observations
from pvdify.engine.one_offs import OneOffRuns
from pvdify.engine.posthog import PosthogLink
from pvdify.engine.previews import PreviewRequests
from pvdify.engine.processes import Processes
from pvdify.engine.queries import Queries
from pvdify.engine.recipients import Recipients
from pvdify.engine.registries import Registries
from pvdify.engine.requests import Requests
from pvdify.engine.tokens import Tokens
from pvdify.engine.webhooks import Webhooks
from pvdify.errors import InvalidError, MalformedRequest, RequestTooLarge
from pvdify.manifest.problems import format_path, problems_of, unknown_key
from pvdify.model.token import Actor
from pvdify.settings import Settings

LARGEST_BODY = 1024 * 1024
BodyT = TypeVar("BodyT")


@dataclass(frozen=True, kw_only=True)
class Engine:
    """Everything that the API can ask for."""

    settings: Settings
    requests: Requests
    queries: Queries
    domains: Domains
    processes: Processes
    one_offs: OneOffRuns
    previews: PreviewRequests
    webhooks: Webhooks
    keyless: Keyless
    config_files: ConfigFiles
    recipients: Recipients
    tokens: Tokens
    registries: Registries
    observations: Observations
    notifications: Notifications
    posthog: PosthogLink
    edge: EdgeKeeper


@dataclass(frozen=True, kw_only=True)
class Call:
    """One authenticated request."""

    engine: Engine
    request: Request
    actor: Actor

    @property
    def app(self) -> str:
        """The app in the path."""
        return str(self.request.path_params["app"])

    @property
    def version(self) -> int:
        """The release number in the path."""
        return int(self.request.path_params["version"])

    @property
    def pr(self) -> int:
        """The pull request number in the path."""
        return int(self.request.path_params["pr"])

    async def body(self, wire_type: type[BodyT]) -> BodyT:
        """The JSON body as a wire type. Raises MalformedRequest, InvalidError with every problem."""
        content = await self.object()
        known = tuple(item.name for item in fields(wire_type))  # type: ignore[arg-type]
        problems = [f"{name}: {unknown_key(name, known)}" for name in content if name not in known]
        try:
            body = TypeAdapter(wire_type).validate_python({name: content[name] for name in content if name in known})
        except ValidationError as error:
            problems = [f"{format_path(path)}: {text}" for path, text in problems_of(error, {})] + problems
        if problems:
            raise InvalidError(
                "the request has a problem" if len(problems) == 1 else f"the request has {len(problems)} problems",
                next="correct it; /api/v1/openapi.json describes every request",
                details={"problems": problems},
            )
        return body

    async def content(self) -> bytes:
        """The body as it came. Raises RequestTooLarge, if it can before reading any of it."""
        announced = self.request.headers.get("content-length", "")
        content = b""
        if not (announced.isdecimal() and int(announced) > LARGEST_BODY):
            async for chunk in self.request.stream():
                content += chunk
                if len(content) > LARGEST_BODY:
                    break
            else:
                return content
        raise RequestTooLarge(f"the request's body is larger than {LARGEST_BODY} bytes", next="send less")

    async def object(self) -> dict[str, object]:
        """The JSON object in the body; no body is an empty one. Raises MalformedRequest."""
        content = await self.content()
        try:
            value = from_json(content) if content.strip() else {}
        except ValueError as error:
            raise MalformedRequest(
                "the request's body is not JSON", why=str(error), next="send a JSON object"
            ) from error
        if not isinstance(value, dict):
            raise MalformedRequest("the request's body is not a JSON object", next="send a JSON object")
        return value

    def number(self, name: str, default: int | None, *, least: int = 1, most: int = 10_000) -> int | None:
        """A whole number in the query. Raises InvalidError."""
        text = self.request.query_params.get(name)
        if text is None or text == "":
            return default
        digits = text.removeprefix("v")
        if not digits.isdecimal() or not least <= int(digits) <= most:
            raise InvalidError(
                f'the query parameter {name} is "{text[:40]}"', why=f"expected a whole number from {least} to {most}",
                next=f"correct {name}",
            )  # fmt: skip
        return int(digits)

    def flag(self, name: str) -> bool:
        """Whether a query parameter is set to something that means yes."""
        return self.request.query_params.get(name, "").lower() in {"1", "true", "yes"}
