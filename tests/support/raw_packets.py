"""Sends the first packet of a TCP connection past all rules of a network namespace, as a program with NET_RAW can.

Run as ``python raw_packets.py ADDRESS PORT`` in the namespace; prints ``answered`` if the other side accepts.
"""

import random
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

INTERFACE, OWN_PORTS = "eth0", range(40000, 60000)
SYN, SYN_AND_ACK = 0x02, 0x12
IPV4, TCP = 0x0800, 6
SECONDS = 1.0


def is_answered(pid: int, address: str, port: int) -> bool:
    """Whether a packet from the network of this process to an address gets an answer that accepts the connection."""
    argv = ("nsenter", f"--net=/proc/{pid}/ns/net", sys.executable, __file__, address, str(port))
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    return done.stdout.strip() == "answered"


def checksum(data: bytes) -> int:
    """RFC 1071."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def frame(gateway: bytes, own: bytes, source: bytes, target: bytes, ports: tuple[int, int]) -> bytes:
    """An Ethernet frame with the packet. ``gateway``, ``own``: hardware addresses. ``ports``: this side's first."""
    head = struct.pack("!HHIIBB", *ports, 1000, 0, 5 << 4, SYN) + struct.pack("!H", 65535)
    pseudo = source + target + struct.pack("!BBH", 0, TCP, 20)
    tcp = head + struct.pack("!HH", checksum(pseudo + head + bytes(4)), 0)
    begin, rest = struct.pack("!BBHHHBB", 0x45, 0, 20 + len(tcp), 1, 0, 64, TCP), source + target
    ip = begin + struct.pack("!H", checksum(begin + bytes(2) + rest)) + rest
    return gateway + own + struct.pack("!H", IPV4) + ip + tcp


def gateway_of() -> str:
    """The address of the default route."""
    rows = [line.split() for line in Path("/proc/net/route").read_text(encoding="ascii").splitlines()[1:]]
    (gateway,) = (row[2] for row in rows if row[1] == "00000000")
    return socket.inet_ntoa(struct.pack("<I", int(gateway, 16)))


def own_address(gateway: str) -> str:
    """This side's address; also makes the kernel look up the gateway's hardware address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((gateway, 9))
        probe.send(b"x")
        return str(probe.getsockname()[0])


def hardware_address(address: str) -> bytes:
    """What the kernel's table has for an address of this network."""
    for _ in range(100):
        rows = [line.split() for line in Path("/proc/net/arp").read_text(encoding="ascii").splitlines()[1:]]
        found = [row[3] for row in rows if row[0] == address and row[2] != "0x0"]
        if found:
            return bytes.fromhex(found[0].replace(":", ""))
        time.sleep(0.02)
    raise RuntimeError(f"nobody has {address}")


def main(address: str, port: int) -> None:
    """Send the packet, and print whether it was answered in time."""
    gateway = gateway_of()
    source = own_address(gateway)
    own = bytes.fromhex(
        Path(f"/sys/class/net/{INTERFACE}/address").read_text(encoding="ascii").strip().replace(":", "")
    )
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(IPV4)) as raw:
        raw.bind((INTERFACE, 0))
        raw.settimeout(SECONDS)
        target = socket.inet_aton(address)
        own_port = random.choice(OWN_PORTS)  # the packet filter takes an equal packet as a part of that connection
        raw.send(frame(hardware_address(gateway), own, socket.inet_aton(source), target, (own_port, port)))
        deadline = time.monotonic() + SECONDS
        try:
            while time.monotonic() < deadline:
                packet = raw.recv(2048)
                if (
                    packet[26:30] == target
                    and packet[23] == TCP
                    and packet[34:38] == struct.pack("!HH", port, own_port)
                ):
                    print("answered" if packet[47] == SYN_AND_ACK else "refused")
                    return
        except TimeoutError:
            pass
    print("silent")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
