"""Builders of restic's arguments and environment; pure. No secret is in any argument."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from pvdify.plumbing.command_runner import Argv
from pvdify.ports.backups import BackupTarget

SSH_KEY, KNOWN_HOSTS = "SSH_PRIVATE_KEY", "SSH_KNOWN_HOSTS"
LABEL = "="  # separates the name and the value of a tag
STREAM = "dump"  # the file name in a snapshot that is stored from stdin
SFTP, S3 = "sftp:", "s3:"


def environment(target: BackupTarget) -> dict[str, str]:
    """Return the variables with which restic reaches and opens the target."""
    keys = {name: str(value) for name, value in target.keys.items() if name not in (SSH_KEY, KNOWN_HOSTS)}
    return {"RESTIC_REPOSITORY": target.location, "RESTIC_PASSWORD": str(target.password), **keys}


def create(binary: str, options: Argv) -> Argv:
    """Make an empty repository."""
    return (binary, *options, "init")


def describe(binary: str, options: Argv) -> Argv:
    """Show the repository's id."""
    return (binary, *options, "--no-lock", "cat", "config")


def store(binary: str, options: Argv, labels: Mapping[str, str], names: tuple[str, ...]) -> Argv:
    """Store entries of the working directory.

    Compares without inodes and ctimes, because the directory is a fresh copy at each backup.
    """
    tags = tuple(f"--tag={name}{LABEL}{value}" for name, value in labels.items() if value)
    host = f"--host={labels.get('server', 'pvdify')}"
    return (binary, *options, "--json", "--quiet", "backup", "--ignore-inode", "--ignore-ctime", host, *tags, *names)


def store_stream(binary: str, options: Argv, labels: Mapping[str, str]) -> Argv:
    """Store stdin as one file."""
    return (*store(binary, options, labels, ()), "--stdin", "--stdin-filename", STREAM)


def fetch_stream(binary: str, options: Argv, snapshot: str) -> Argv:
    """Write a snapshot that was stored from stdin to stdout."""
    return (binary, *options, "--no-lock", "--quiet", "dump", snapshot, f"/{STREAM}")


def list_stored(binary: str, options: Argv) -> Argv:
    """List the snapshots as JSON."""
    return (binary, *options, "--no-lock", "--json", "snapshots")


def fetch(binary: str, options: Argv, snapshot: str, into: Path) -> Argv:
    """Restore a snapshot into a directory."""
    return (binary, *options, "--no-lock", "--quiet", "restore", snapshot, "--target", str(into))


def forget(binary: str, options: Argv, snapshots: tuple[str, ...]) -> Argv:
    """Delete these snapshots and the data that no other snapshot uses."""
    return (binary, *options, "--quiet", "forget", "--prune", *snapshots)


def unlock(binary: str, options: Argv) -> Argv:
    """Remove the locks of processes that no longer exist; keep all other locks."""
    return (binary, *options, "--quiet", "unlock")


def count_bytes(binary: str, options: Argv) -> Argv:
    """Count the bytes that the repository occupies, as JSON."""
    return (binary, *options, "--no-lock", "--json", "stats", "--mode", "raw-data")


def sftp_options(location: str, key: Path | None, known_hosts: Path) -> Argv:
    """Return the option with which restic starts ssh.

    Args:
        location: the target's location.
        key: the private key's file; None for ssh's own choice.
        known_hosts: ssh adds an unknown host's key to this file and refuses a changed host key.
    """
    host, port = ssh_host(location)
    words = ["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-o", "ServerAliveInterval=20",
             "-o", "StrictHostKeyChecking=accept-new", "-o", f"UserKnownHostsFile={known_hosts}"]  # fmt: skip
    words += ["-o", "IdentitiesOnly=yes", "-i", str(key)] if key else []
    words += ["-p", str(port)] if port else []
    return ("-o", f"sftp.command={shlex.join([*words, host, '-s', 'sftp'])}")


def ssh_host(location: str) -> tuple[str, int | None]:
    """Return ``USER@HOST`` and the port of ``sftp:USER@HOST:PATH`` or ``sftp://USER@HOST:PORT/PATH``."""
    if location.startswith("sftp://"):
        parts = urlsplit(location)
        user = f"{parts.username}@" if parts.username else ""
        return f"{user}{parts.hostname or ''}", parts.port
    return location.removeprefix(SFTP).partition(":")[0], None
