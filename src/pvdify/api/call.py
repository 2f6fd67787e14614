"""The request that a handler gets: the actor, the parameters and body, and the engine."""

import asyncio
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json
from starlette.requests import Request

from pvdify.api.kept_answers import Kept
from pvdify.engine.deploys.acceptance import problems_in
from pvdify.engine.front_door import Engine
from pvdify.errors import InvalidError, MalformedRequest
from pvdify.manifest.problems import LONGEST_KEY, MOST_PROBLEMS, format_path, problems_of, unknown_key
from pvdify.model.foreign_json import QUICK, check_marks
from pvdify.model.token import Actor
from pvdify.web.body import content_of
from pvdify.web.numbers import whole_number

BodyT = TypeVar("BodyT")
YES_OR_NO = {"": True, "1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


@dataclass(frozen=True, kw_only=True)
class Call:
    """One authenticated request. ``kept``: JSON for it that may be there already."""

    engine: Engine
    request: Request
    actor: Actor
    kept: Kept

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

    async def body(self, wire_type: type[BodyT], *, and_deploy_of: str = "") -> BodyT:
        """Return the JSON body as a wire type. Raises MalformedRequest, InvalidError with every problem.

        ``and_deploy_of``: the body is a deploy of this app, so problems of its image and manifest are reported, too.
        """
        raw = await self.content()
        content = await _object_in(raw)
        known = tuple(item.name for item in fields(wire_type))  # type: ignore[arg-type]
        unknown = [name for name in content if name not in known]
        problems = [f"{name[:LONGEST_KEY]}: {unknown_key(name, known)}" for name in unknown[:MOST_PROBLEMS]]
        try:
            body: BodyT = await _read(wire_type, raw)
        except ValidationError as error:
            problems = [f"{format_path(path)}: {text}" for path, text in problems_of(error, {}, content)] + problems
        if problems and and_deploy_of:
            problems += await problems_in(and_deploy_of, content)
        if problems:
            raise InvalidError(
                "the request has a problem" if len(problems) == 1 else f"the request has {len(problems)} problems",
                next="correct it; /api/v1/openapi.json describes every request",
                details={"problems": problems},
            )
        return body

    async def content(self) -> bytes:
        """Return the raw body. Raises MalformedRequest, RequestTooLarge (early if announced), RequestTooSlow."""
        return await content_of(self.request)

    async def object(self) -> dict[str, object]:
        """Return the JSON object in the body; an empty one without a body. Raises MalformedRequest."""
        return await _object_in(await self.content())

    def number(self, name: str, default: int | None, *, least: int = 1, most: int = 10_000) -> int | None:
        """Return a whole number from the query, without a leading "v"; the default if absent. Raises InvalidError."""
        text = self.request.query_params.get(name)
        if text is None or text == "":
            return default
        value = whole_number(text.removeprefix("v"))
        if value is None or not least <= value <= most:
            raise InvalidError(
                f'the query parameter {name} is "{text[:40]}"', why=f"expected a whole number from {least} to {most}",
                next=f"correct {name}",
            )  # fmt: skip
        return value

    def flag(self, name: str) -> bool:
        """Whether a query parameter is set to something that means yes, as its bare name does. Raises InvalidError."""
        text = self.request.query_params.get(name, "no").lower()
        if text not in YES_OR_NO:
            raise InvalidError(
                f'the query parameter {name} is "{text[:40]}"', why="expected 1 or 0", next=f"correct {name}"
            )
        return YES_OR_NO[text]


async def _read(wire_type: type[BodyT], raw: bytes) -> BodyT:
    """Return the JSON object as a wire type; keys that the type does not have are ignored. Raises ValidationError.

    In strict mode ``"yes"`` is not true and ``"5"`` is not a number. Only from JSON text may lists and dates still be
    what JSON has for them.
    """
    reader, text = _reader(wire_type), raw.strip() or b"{}"  # type: ignore[arg-type]
    read: BodyT = (
        await asyncio.to_thread(reader.validate_json, text, strict=True)
        if len(text) > QUICK
        else reader.validate_json(text, strict=True)
    )
    return read


async def _object_in(raw: bytes) -> dict[str, object]:
    """Return the JSON object; an empty one for an empty body. Raises MalformedRequest."""
    try:
        value = await _parsed(raw) if raw.strip() else {}
    except ValueError as error:
        raise MalformedRequest("the request's body is not JSON", why=str(error), next="send a JSON object") from error
    if not isinstance(value, dict):
        raise MalformedRequest("the request's body is not a JSON object", next="send a JSON object")
    return value


@cache
def _reader(wire_type: type) -> TypeAdapter[Any]:
    """Return the validator of a wire type, which takes milliseconds to build."""
    return TypeAdapter(wire_type)


async def _parsed(content: bytes) -> object:
    """Return the JSON value; parse a large one in a thread, to keep the event loop free. Raises ValueError."""
    check_marks(content)
    return await asyncio.to_thread(from_json, content) if len(content) > QUICK else from_json(content)
