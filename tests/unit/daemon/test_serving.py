"""What the listeners do to their connections."""

import asyncio
import socket

from starlette.types import Receive, Scope, Send

from pvdify.daemon.serving import Server, _tcp_socket
from pvdify.settings import Address


async def application(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def test_a_response_body_is_sent_without_waiting_for_an_ack_of_the_head() -> None:
    listener = _tcp_socket(Address(host="127.0.0.1", port=0))
    listener.listen()
    server = Server(application, listener, most=4, most_of_peer=4)
    serving = asyncio.create_task(server.serve())
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.readuntil(b"\r\n\r\nok")

    (connection,) = server.servers[0]._open  # type: ignore[attr-defined]
    accepted = connection.transport.get_extra_info("socket")
    assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    writer.close()
    await writer.wait_closed()
    server.stop()
    await serving
    listener.close()
