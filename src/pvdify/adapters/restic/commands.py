"""What restic is asked, as arguments and environment. Pure; no secret is in any argument."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from pvdify.plumbing.command_runner import Argv
from pvdify.ports.backups import BackupTarget

SSH_KEY, KNOWN_HOSTS = "SSH_PRIVATE_KEY", "SSH_KNOWN_HOSTS"
LABEL = "="  # between the name and the value of a tag
STREAM = "dump"  # what is stored from stdin is called so
SFTP, S3 = "sftp:", "s3:"


def environment(target: BackupTarget) -> dict[str, str]:
    """What restic needs to reach and to open the target."""
    keys = {name: str(value) for name, value in target.keys.items() if name not in (SSH_KEY, KNOWN_HOSTS)}
    return {"RESTIC_REPOSITORY": target.location, "RESTIC_PASSWORD": str(target.password), **keys}


def create(binary: str, options: Argv) -> Argv:
    """Make an empty repository."""
    return (binary, *options, "init")


def describe(binary: str, options: Argv) -> Argv:
    """Show the repository's id."""
    return (binary, *options, "--no-lock", "cat", "config")


def store(binary: str, options: Argv, labels: Mapping[str, str], names: tuple[str, ...]) -> Argv:
    """Store entries of the working directory. Owners of a copy are new each time, so inodes and ctimes say nothing."""
    tags = tuple(f"--tag={name}{LABEL}{value}" for name, value in labels.items() if value)
    host = f"--host={labels.get('server', 'pvdify')}"
    return (binary, *options, "--json", "--quiet", "backup", "--ignore-inode", "--ignore-ctime", host, *tags, *names)


def store_stream(binary: str, options: Argv, labels: Mapping[str, str]) -> Argv:
    """Store what comes by stdin."""
    return (*store(binary, options, labels, ()), "--stdin", "--stdin-filename", STREAM)


def fetch_stream(binary: str, options: Argv, snapshot: str) -> Argv:
    """Write what came by stdin to stdout."""
    return (binary, *options, "--no-lock", "--quiet", "dump", snapshot, f"/{STREAM}")


def list_stored(binary: str, options: Argv) -> Argv:
    """List what is stored."""
    return (binary, *options, "--no-lock", "--json", "snapshots")


def fetch(binary: str, options: Argv, snapshot: str, into: Path) -> Argv:
    """Write what was stored into a directory."""
    return (binary, *options, "--no-lock", "--quiet", "restore", snapshot, "--target", str(into))


def check(binary: str, options: Argv) -> Argv:
    """Look whether all files that the index speaks of are there."""
    return (binary, *options, "--no-lock", "--quiet", "check")


def forget(binary: str, options: Argv, snapshots: tuple[str, ...]) -> Argv:
    """Delete these and what only they needed."""
    return (binary, *options, "--quiet", "forget", "--prune", *snapshots)


def unlock(binary: str, options: Argv) -> Argv:
    """Remove the locks of processes that are gone; those of others stay."""
    return (binary, *options, "--quiet", "unlock")


def count_bytes(binary: str, options: Argv) -> Argv:
    """Count what the target keeps."""
    return (binary, *options, "--no-lock", "--json", "stats", "--mode", "raw-data")


def sftp_options(location: str, key: Path | None, known_hosts: Path) -> Argv:
    """How restic starts ssh: with this key, and for a host whose key is known or, the first time, noted."""
    host, port = ssh_host(location)
    words = ["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-o", "ServerAliveInterval=20",
             "-o", "StrictHostKeyChecking=accept-new", "-o", f"UserKnownHostsFile={known_hosts}"]  # fmt: skip
    words += ["-o", "IdentitiesOnly=yes", "-i", str(key)] if key else []
    words += ["-p", str(port)] if port else []
    return ("-o", f"sftp.command={shlex.join([*words, host, '-s', 'sftp'])}")


def ssh_host(location: str) -> tuple[str, int | None]:
    """``USER@HOST`` and the port in ``sftp:USER@HOST:PATH`` or ``sftp://USER@HOST:PORT/PATH``."""
    if location.startswith("sftp://"):
        parts = urlsplit(location)
        user = f"{parts.username}@" if parts.username else ""
        return f"{user}{parts.hostname or ''}", parts.port
    return location.removeprefix(SFTP).partition(":")[0], None
