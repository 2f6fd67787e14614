"""Explanations of answers that Cloudflare gave instead of a release. No I/O."""

from urllib.parse import urlsplit

from pvdify.model.public import Cause, Obstacle, PublicAnswer

_NO_CERTIFICATE = ("HANDSHAKE_FAILURE", "Hostname mismatch")  # a self-signed or expired one is not Cloudflare's


def cause_of(hostname: str, answer: PublicAnswer) -> Cause | None:
    """Return why Cloudflare gave this answer, and what to do; None if the answer is not from Cloudflare itself."""
    if answer.obstacle is Obstacle.NO_TLS and any(sign in answer.text for sign in _NO_CERTIFICATE):
        return Cause(
            what=f"TLS: Cloudflare has no certificate for {hostname} ({answer.text})",
            next="Cloudflare's own certificates cover one level below the zone: order one for more",
        )
    if answer.obstacle is not None:
        return None
    if _is_access(answer):
        return Cause(
            what=f"Cloudflare Access protects {hostname} and requires visitors to sign in",
            next="to make the hostname public, remove its Access application at Cloudflare",
        )
    if answer.headers.get("cf-mitigated") == "challenge":
        return Cause(
            what=f"Cloudflare challenges all requests for {hostname}, also those of this server",
            next="visitors with a browser may pass the challenge; see Security > Events at Cloudflare",
        )
    return _tunnel_cause(hostname, answer)


def _tunnel_cause(hostname: str, answer: PublicAnswer) -> Cause | None:
    is_cloudflare = "cf-ray" in answer.headers or answer.headers.get("server", "").lower() == "cloudflare"
    if is_cloudflare and answer.status == 530:
        return Cause(
            what=f"the tunnel is down: Cloudflare has no connection to this server for {hostname} (530)",
            next="`systemctl status pvdify-cloudflared` and `journalctl -u pvdify-cloudflared` on the server say why",
        )
    if is_cloudflare and answer.status in (502, 503, 504):
        return Cause(
            what=f"the tunnel does not reach the router for {hostname} ({answer.status})",
            next="`pvdify status` shows whether the router runs, `pvdify server edge` where the tunnel sends requests",
        )
    return None


def _is_access(answer: PublicAnswer) -> bool:
    """Return whether the answer is from Cloudflare Access: a redirect to its sign-in page, or a refusal."""
    location = urlsplit(answer.headers.get("location", ""))
    is_sign_in = (location.hostname or "").endswith(".cloudflareaccess.com") or location.path.startswith(
        "/cdn-cgi/access/"
    )
    return is_sign_in or (answer.status in (401, 403) and "cf-access-domain" in answer.headers)
