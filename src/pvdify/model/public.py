"""What stands between visitors and a release, told from the answer at its public address."""

from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import urlsplit


class Obstacle(Enum):
    """Why there was no answer at all."""

    NO_NAME = "no-name"
    NO_CONNECTION = "no-connection"
    NO_TLS = "no-tls"
    TIMEOUT = "timeout"


@dataclass(frozen=True, kw_only=True)
class PublicAnswer:
    """What came back, or the obstacle; ``text`` is the obstacle in the words of who met it."""

    obstacle: Obstacle | None = None
    text: str = ""
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Why a release cannot be seen from outside, and what to do."""

    what: str
    next: str


def cause_of(hostname: str, answer: PublicAnswer, expected: bytes) -> Cause | None:
    """None when the router itself answered, with the release that is live; otherwise what stood in the way."""
    if answer.obstacle is not None:
        return _without_answer(hostname, answer)
    if answer.status == 200 and answer.content.strip() == expected:
        return None
    if _is_access(answer):
        return Cause(
            what=f"Cloudflare Access stands in front of {hostname} and wants visitors to sign in",
            next="if everybody shall see it, remove the Access application for this hostname at Cloudflare",
        )
    if answer.headers.get("cf-mitigated") == "challenge":
        return Cause(
            what=f"Cloudflare challenges who asks for {hostname}, this server too",
            next="visitors with a browser may get through; see Security > Events at Cloudflare",
        )
    return _with_another_answer(hostname, answer)


def _without_answer(hostname: str, answer: PublicAnswer) -> Cause:
    if answer.obstacle is Obstacle.NO_NAME:
        return Cause(
            what=f"DNS: {hostname} is not known ({answer.text})",
            next="a new name takes a while to be known; `pvdify server edge` shows whether its record was made",
        )
    if answer.obstacle is Obstacle.NO_TLS:
        return Cause(
            what=f"TLS: the certificate is not for {hostname} ({answer.text})",
            next="Cloudflare's own certificates cover one level below the zone: order one for more",
        )
    how = "did not answer in time" if answer.obstacle is Obstacle.TIMEOUT else f"takes no connection ({answer.text})"
    return Cause(
        what=f"what stands in front of {hostname} {how}",
        next="see whether it runs, and whether this machine reaches the internet",
    )


def _with_another_answer(hostname: str, answer: PublicAnswer) -> Cause:
    is_cloudflare = "cf-ray" in answer.headers or answer.headers.get("server", "").lower() == "cloudflare"
    if is_cloudflare and answer.status == 530:
        return Cause(
            what=f"the tunnel is down: Cloudflare has no connection to this server for {hostname} (530)",
            next="`systemctl status pvdify-cloudflared` and `journalctl -u pvdify-cloudflared` on the server say why",
        )
    if is_cloudflare and answer.status in (502, 503, 504):
        return Cause(
            what=f"the tunnel does not reach the router for {hostname} ({answer.status})",
            next="`pvdify status` shows whether the router runs, `pvdify server edge` where the tunnel leads",
        )
    if answer.status == 200:
        return Cause(
            what=f"{hostname} is answered by somebody else than this server's live release",
            next="see where its DNS leads, and what stands in front of the router",
        )
    return Cause(
        what=f"{hostname} is answered with {answer.status}, and not by this server's router",
        next="see where its DNS leads, and what stands in front of the router; `pvdify server edge` shows the edge",
    )


def _is_access(answer: PublicAnswer) -> bool:
    """A redirect to the sign-in page of Access, or its refusal."""
    location = urlsplit(answer.headers.get("location", ""))
    is_sign_in = (location.hostname or "").endswith(".cloudflareaccess.com") or location.path.startswith(
        "/cdn-cgi/access/"
    )
    return is_sign_in or (answer.status in (401, 403) and "cf-access-domain" in answer.headers)
