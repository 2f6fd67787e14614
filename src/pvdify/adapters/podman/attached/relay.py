"""A program that connects its stdin and stdout with a TCP port in a container's network namespace.

Runs as root, as ``python -IS relay.py PID PORT``. Joins the network namespace of the process and connects to loopback
there, so that it also reaches sockets that listen only inside the container.
Exits with 1 and the reason on stderr if the connection fails.
"""

import ctypes
import os
import socket
import sys
import threading

NEW_NETWORK = 0x40000000  # CLONE_NEWNET
PIECE = 64 * 1024  # bytes
SECONDS = 10.0  # the longest the connection attempt may take


def join_network(pid: int) -> None:
    """Join the network namespace of this process. Raises OSError. ``os.setns`` needs Python 3.12."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/proc/{pid}/ns/net", "rb") as network:  # noqa: PTH123 - pathlib is slow to load
        if libc.setns(network.fileno(), NEW_NETWORK) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


def connect(port: int) -> socket.socket:
    """Connect to the port on 127.0.0.1, or if that is refused on ::1. Raises OSError."""
    try:
        return socket.create_connection(("127.0.0.1", port), SECONDS)
    except ConnectionRefusedError:
        return socket.create_connection(("::1", port), SECONDS)


def pass_input(connection: socket.socket) -> None:
    """Send stdin to the connection until its end, then close the sending side."""
    try:
        while data := os.read(0, PIECE):
            connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the other side has closed; `main` reads the end of its output


def main(pid: str, port: str) -> int:
    """Relay until the server closes the connection; return the exit code."""
    try:
        join_network(int(pid))
        connection = connect(int(port))
    except OSError as error:
        sys.stderr.write(f"port {port}: {(error.strerror or str(error)).lower()}\n")
        return 1
    connection.settimeout(None)
    threading.Thread(target=pass_input, args=(connection,), daemon=True).start()
    try:
        while data := connection.recv(PIECE):
            while data:
                data = data[os.write(1, data) :]
    except OSError:
        return 1
    return 0


if __name__ == "__main__":
    # os._exit does not wait for the thread that reads stdin.
    code = main(*sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)
