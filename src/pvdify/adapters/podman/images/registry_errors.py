"""Errors of registries, from a registry's answer, or else from the words of podman and skopeo."""

import re
from typing import Any

from pvdify.adapters.podman.images.registry_api import Reply
from pvdify.adapters.podman.refusals import FULL, words_of
from pvdify.errors import (
    ImageNotFound,
    NotAnImage,
    NotEnoughDisk,
    PullFailed,
    PvdifyError,
    RegistryDenied,
    RegistryRateLimited,
    RegistryUnavailable,
    WrongPlatform,
)
from pvdify.model.image_reference import ImageReference

# checked in this order: "denied" can appear with "not found", and network errors with any of the words
_AWAY = re.compile(
    r"connection refused|no such host|i/o timeout|deadline exceeded|context canceled|connection reset|unreachable"
    r"|server misbehaving|TLS handshake|x509|certificate|toomanyrequests|too many requests|no route to host"
    r"|gave HTTP response to HTTPS|\bEOF\b|\b50[0234]\b|service unavailable|bad gateway",
    re.IGNORECASE,
)
_NOT_TRUSTED = re.compile(r"x509:|tls: failed to verify certificate", re.IGNORECASE)
_NO_TLS = re.compile(r"gave HTTP response to HTTPS|first record does not look like a TLS handshake", re.IGNORECASE)
_DENIED = re.compile(r"unauthorized|authentication required|denied|forbidden|invalid username|\b40[13]\b", re.I)
_MISSING = re.compile(r"manifest unknown|name unknown|not found|name invalid|repository name not known|\b404\b", re.I)
_PLATFORM = re.compile(r"no image found in (image index|manifest list) for architecture (?P<what>\w+)", re.IGNORECASE)
_HELM = "application/vnd.cncf.helm.config.v1+json"
_IMAGE_CONFIGS = ("application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json")


def of_answer(
    reference: ImageReference, said: Reply, username: str | None = None, *, architecture: str
) -> PvdifyError | None:
    """Return the error for a registry's answer; None if the answer is an image for this machine."""
    if said.status in (401, 403):
        return _denied(reference, f"HTTP {said.status}{_codes(said)}", username)
    if said.status == 404:
        return _missing(reference, said)
    if said.status == 429:
        wait = f"; it asks to wait {said.retry_after:g} s" if said.retry_after is not None else ""
        return RegistryRateLimited(
            f"{reference.host} gives this server no more images for now, so {reference} cannot be pulled",
            why=f"HTTP 429{_codes(said)}{wait}",
            next=f"deploy again later; the limit is higher when signed in: `pvdify registry:login {reference.host} -u "
            f"{username or 'USER'}`",
        )
    if said.is_web_page and said.status < 500:
        return NotAnImage(
            f"{reference} is not an image",
            why=f"{reference.host} answers with a web page (HTTP {said.status}), so it is not an image registry",
            next="check the name of the registry, then deploy again",
        )
    if said.status != 200:
        return _away(reference, f"it answered HTTP {said.status}{_codes(said)}")
    return of_manifest(reference, said.document or {}, architecture=architecture)


def of_manifest(reference: ImageReference, document: dict[str, Any], *, architecture: str) -> PvdifyError | None:
    """Return the error for a manifest without an image for this machine; None if there is one or it is unclear."""
    entries = document.get("manifests")
    if isinstance(entries, list):
        built_for = _platforms(entries)
        if f"linux/{architecture}" in built_for or not built_for:
            return None if entries else _no_image(reference, "it is an empty list of images")
        return wrong_platform(reference, built_for, architecture)
    config = document.get("config")
    kind = str(document.get("artifactType") or (config.get("mediaType") if isinstance(config, dict) else "") or "")
    if not kind or kind in _IMAGE_CONFIGS:
        return None
    return _no_image(reference, "it is a Helm chart" if kind == _HELM else f"it is an artifact of the type {kind}")


def wrong_platform(reference: ImageReference | str, built_for: tuple[str, ...], architecture: str) -> WrongPlatform:
    """Return the error for an image that is built only for other platforms."""
    names = " and ".join(name.removeprefix("linux/") for name in built_for)
    return WrongPlatform(
        f"{reference} cannot run on this server",
        why=f"it is built for {names}; this server is {architecture}",
        next=f"build it for linux/{architecture}, too (`docker buildx build --platform linux/{architecture}`), "
        "then deploy again",
    )


def _platforms(entries: list[Any]) -> tuple[str, ...]:
    """Return the platforms in a list of images, like ``linux/arm64``, without attestations (``unknown/unknown``)."""
    found = [each.get("platform") for each in entries if isinstance(each, dict)]
    named = [f"{it.get('os')}/{it.get('architecture')}" for it in found if isinstance(it, dict)]
    return tuple(dict.fromkeys(name for name in named if name != "unknown/unknown"))


def _no_image(reference: ImageReference, why: str) -> NotAnImage:
    return NotAnImage(
        f"{reference} is not an image that can run", why=why, next="name the app's image, then deploy again"
    )


def _missing(reference: ImageReference, said: Reply) -> ImageNotFound:
    what = f"no repository {reference.path}" if "NAME_UNKNOWN" in said.codes else f"no {reference.path} of that name"
    if reference.tag and "NAME_UNKNOWN" not in said.codes:
        what = f"no tag {reference.tag} of {reference.path}"
    return ImageNotFound(
        f"{reference} does not exist",
        why=f"{reference.host} has {what} (HTTP 404{_codes(said)})",
        next="check the name and tag, and that your CI has pushed it; then deploy again",
    )


def _codes(said: Reply) -> str:
    return f", {', '.join(said.codes)}" if said.codes else ""


def ask_failed(reference: ImageReference, stderr: str, username: str | None = None) -> PvdifyError:
    """Return the error for a registry that gave no digest; RegistryUnavailable if the words give no reason.

    ``username``: of the login that was used.
    """
    return _known(reference, stderr, username) or _away(reference, words_of(stderr))


def pull_failed(reference: ImageReference, stderr: str, username: str | None = None) -> PvdifyError:
    """Return the error for an image that was not pulled. ``username``: of the login that was used."""
    if FULL.search(stderr):
        return NotEnoughDisk(
            f"{reference} could not be stored on this server",
            why="the disk is full",
            next="free some space on the server (`podman image prune` as root), then deploy again",
        )
    return _known(reference, stderr, username) or PullFailed(
        f"{reference} could not be pulled", why=words_of(stderr), next="deploy again; running instances are unchanged"
    )


def not_here(reference: ImageReference) -> ImageNotFound:
    """Return the error for a local image that is not in this host's storage."""
    return ImageNotFound(
        f"{reference} is not on this server",
        why="references that start with localhost/ name images in the server's own storage, which has no such one",
        next=f"build or load it there (`podman load`), or push it to a registry and name that; then deploy {reference}",
    )


def _known(reference: ImageReference, stderr: str, username: str | None) -> PvdifyError | None:
    words, stderr = words_of(stderr), without_names(reference, stderr)
    if match := _PLATFORM.search(stderr):
        return ImageNotFound(
            f"{reference} cannot run on this server",
            why=f"it was built for other kinds of machine; this one is {match['what']}",
            next=f"have your CI build it for linux/{match['what']}, too, then deploy again",
        )
    is_plain = bool(_NO_TLS.search(stderr))
    if is_plain or _NOT_TRUSTED.search(stderr):
        return _without_good_tls(reference, words, is_plain=is_plain)
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


def without_names(reference: ImageReference, text: str) -> str:
    """Return the text without the reference's names, so that a tag ``500`` does not match as an HTTP status."""
    chosen = (str(reference), reference.repository, reference.path, reference.host, reference.digest, reference.tag)
    for name in filter(None, chosen):
        text = re.sub(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", "_", text)
    return text


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
    """Return the error for a login that a registry did not accept."""
    words, judged = words_of(stderr), stderr.replace(host, "")  # podman repeats the host: certificates.example.com
    if _AWAY.search(judged) or not _DENIED.search(judged):
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
        next="deploy again when it does; running instances are unchanged, and `pvdify rollback` needs no registry",
    )


def _without_good_tls(reference: ImageReference, words: str, *, is_plain: bool) -> RegistryUnavailable:
    host = reference.host
    what = f"{reference} cannot be looked up or pulled"
    if is_plain:
        return RegistryUnavailable(
            what, why=f"{host} answers, but it does not speak HTTPS: {words}",
            next="give the registry a certificate, then deploy again; plain HTTP is for a registry on this server only",
        )  # fmt: skip
    return RegistryUnavailable(
        what, why=f"{host} answers, but this server does not trust its certificate: {words}",
        next=f"renew the certificate, or copy that of your own authority to /etc/containers/certs.d/{host}/ca.crt "
        "on the server; then deploy again",
    )  # fmt: skip
