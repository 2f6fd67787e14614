"""Connects its stdin and stdout with a TCP port inside a container's network.

Runs alone (``python -IS relay.py PID PORT``), as root: joins the network of the process and connects to loopback
there, so that it reaches also what listens for the container alone.
Exits with 1 and the reason on stderr when nothing listens.
"""

import ctypes
import os
import socket
import sys
import threading

NEW_NETWORK = 0x40000000  # CLONE_NEWNET
PIECE = 64 * 1024
SECONDS = 10.0


def join_network(pid: int) -> None:
    """Go over to the network of this process. ``os.setns`` came with Python 3.12 only."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/proc/{pid}/ns/net", "rb") as network:  # noqa: PTH123 - pathlib is slow to load
        if libc.setns(network.fileno(), NEW_NETWORK) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


def connect(port: int) -> socket.socket:
    """A connection to the port on either loopback address."""
    try:
        return socket.create_connection(("127.0.0.1", port), SECONDS)
    except ConnectionRefusedError:
        return socket.create_connection(("::1", port), SECONDS)


def pass_input(connection: socket.socket) -> None:
    """Everything that is typed, then its end."""
    try:
        while data := os.read(0, PIECE):
            connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the other side has closed; the end of its output says so


def main(pid: str, port: str) -> int:
    """Relay until the port's side has ended."""
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
    # What waits for input in its thread must not hold up the end.
    code = main(*sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)
