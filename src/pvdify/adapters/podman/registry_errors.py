"""Turning what podman and skopeo say of a registry into errors that say what, why and next."""

import re

from pvdify.adapters.podman.refusals import words_of
from pvdify.errors import ImageNotFound, PullFailed, PvdifyError, RegistryDenied, RegistryUnavailable
from pvdify.model.image_reference import ImageReference

# in this order: "denied" may come with "not found" words, and a network error with anything
_AWAY = re.compile(
    r"connection refused|no such host|i/o timeout|deadline exceeded|context canceled|connection reset|unreachable"
    r"|server misbehaving|TLS handshake|x509|certificate|toomanyrequests|too many requests|no route to host"
    r"|gave HTTP response to HTTPS|\bEOF\b|\b50[0234]\b|service unavailable|bad gateway",
    re.IGNORECASE,
)
_DENIED = re.compile(r"unauthorized|authentication required|denied|forbidden|invalid username|\b40[13]\b", re.I)
_MISSING = re.compile(r"manifest unknown|name unknown|not found|name invalid|repository name not known|\b404\b", re.I)
_PLATFORM = re.compile(r"no image found in (image index|manifest list) for architecture (?P<what>\w+)", re.IGNORECASE)
_FULL = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)


def ask_failed(reference: ImageReference, stderr: str, username: str | None = None) -> PvdifyError:
    """The registry gave no digest; when nothing tells why, it counts as away. ``username``: who asked."""
    return _known(reference, stderr, username) or _away(reference, words_of(stderr))


def pull_failed(reference: ImageReference, stderr: str, username: str | None = None) -> PvdifyError:
    """The image did not come here."""
    if _FULL.search(stderr):
        return PullFailed(
            f"{reference} could not be stored on this server",
            why="the disk is full",
            next="free some space on the server (`podman image prune` as root), then deploy again",
        )
    return _known(reference, stderr, username) or PullFailed(
        f"{reference} could not be pulled", why=words_of(stderr), next="deploy again; what runs is untouched"
    )


def not_here(reference: ImageReference) -> ImageNotFound:
    """A local image that this host does not have."""
    return ImageNotFound(
        f"{reference} is not on this server",
        why="references that start with localhost/ name images in the server's own storage, which has no such one",
        next=f"build or load it there (`podman load`), or push it to a registry and name that; then deploy {reference}",
    )


def _known(reference: ImageReference, stderr: str, username: str | None) -> PvdifyError | None:
    words = words_of(stderr)
    if match := _PLATFORM.search(stderr):
        return ImageNotFound(
            f"{reference} cannot run on this server",
            why=f"it was built for other kinds of machine; this one is {match['what']}",
            next=f"have your CI build it for linux/{match['what']}, too, then deploy again",
        )
    if _AWAY.search(stderr):
        return _away(reference, words)
    if _DENIED.search(stderr):
        return _denied(reference, words, username)
    if _MISSING.search(stderr):
        return ImageNotFound(
            f"{reference} does not exist",
            why=words,
            next="check the name and tag, and that your CI has pushed it; then deploy again",
        )
    return None


def _denied(reference: ImageReference, words: str, username: str | None) -> RegistryDenied:
    host = reference.host
    login = f"`pvdify registry:login {host} -u {username or 'USER'}`"
    return RegistryDenied(
        f"{host} does not give {reference} to this server",
        why=f"signed in as {username}: {words}" if username else f"not signed in there: {words}",
        next=f"sign in again with a password that is good for it: {login}; then deploy again" if username
        else f"check the name; if the image is private: {login}; then deploy again",
    )  # fmt: skip


def login_failed(host: str, username: str, stderr: str) -> PvdifyError:
    """A registry did not take a login."""
    words = words_of(stderr)
    if _AWAY.search(stderr) or not _DENIED.search(stderr):
        return RegistryUnavailable(
            f"{host} does not answer, so this server was not signed in there", why=words,
            next=f"check the name, then `pvdify registry:login {host} -u {username}` again",
        )  # fmt: skip
    return RegistryDenied(
        f"{host} does not accept this password of {username}", why=words,
        next=f"check user and password or access token, then `pvdify registry:login {host} -u {username}` again",
    )  # fmt: skip


def _away(reference: ImageReference, words: str) -> RegistryUnavailable:
    return RegistryUnavailable(
        f"{reference.host} does not answer, so {reference} cannot be looked up or pulled",
        why=words,
        next="deploy again when it does; what runs is untouched, and `pvdify rollback` needs no registry",
    )
