"""Read a request's body within limits of size and time."""

import asyncio
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

from pvdify.errors import MalformedRequest, RequestTooLarge, RequestTooSlow
from pvdify.web.numbers import whole_number

LARGEST_BODY = 1024 * 1024
BODY_SECONDS = 60.0
MOST_FIELDS = 1000


async def content_of(request: Request) -> bytes:
    """Return the raw body. Raises MalformedRequest, RequestTooLarge (early if announced), RequestTooSlow."""
    announced = whole_number(request.headers.get("content-length", ""))
    content = bytearray()
    if announced is None or announced <= LARGEST_BODY:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for chunk in request.stream():
                    content += chunk
                    if len(content) > LARGEST_BODY:
                        break
                else:
                    return bytes(content)
        except TimeoutError as error:
            raise RequestTooSlow(
                f"the request's body did not arrive within {BODY_SECONDS:g} s", next="send it again"
            ) from error
        except ClientDisconnect as error:
            raise MalformedRequest("the request's body ended early", next="send it again") from error
    raise RequestTooLarge(f"the request's body is larger than {LARGEST_BODY} bytes", next="send less")


async def form_of(request: Request) -> dict[str, str]:
    """Return the fields of an HTML form (``application/x-www-form-urlencoded``); of a repeated field, the last value.

    Raises MalformedRequest, RequestTooLarge, RequestTooSlow.
    """
    content = await content_of(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise MalformedRequest("the request's body is not a form", next="send the form of the page again")
    try:
        pairs = parse_qsl(
            content.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS
        )  # fmt: skip
    except ValueError as error:  # UnicodeDecodeError included
        raise MalformedRequest("the form cannot be read", next="send the form of the page again") from error
    return {name: value.replace("\r\n", "\n") for name, value in pairs}
