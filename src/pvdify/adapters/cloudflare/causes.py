"""Why visitors do not reach a release through Cloudflare, by the answer that came back. Pure."""

from urllib.parse import urlsplit

from pvdify.model.public import Cause, Obstacle, PublicAnswer


def cause_of(hostname: str, answer: PublicAnswer) -> Cause | None:
    """Return what stood in the way at Cloudflare, and what to do; None for an answer that is not Cloudflare's own."""
    if answer.obstacle is Obstacle.NO_TLS:
        return Cause(
            what=f"TLS: the certificate is not for {hostname} ({answer.text})",
            next="Cloudflare's own certificates cover one level below the zone: order one for more",
        )
    if answer.obstacle is not None:
        return None
    if _is_access(answer):
        return Cause(
            what=f"Cloudflare Access stands in front of {hostname} and wants visitors to sign in",
            next="if every visitor shall see it, remove the Access application for this hostname at Cloudflare",
        )
    if answer.headers.get("cf-mitigated") == "challenge":
        return Cause(
            what=f"Cloudflare challenges who asks for {hostname}, this server too",
            next="visitors with a browser may get through; see Security > Events at Cloudflare",
        )
    return _of_tunnel(hostname, answer)


def _of_tunnel(hostname: str, answer: PublicAnswer) -> Cause | None:
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
    return None


def _is_access(answer: PublicAnswer) -> bool:
    """Whether it is a redirect to the sign-in page of Access, or its refusal."""
    location = urlsplit(answer.headers.get("location", ""))
    is_sign_in = (location.hostname or "").endswith(".cloudflareaccess.com") or location.path.startswith(
        "/cdn-cgi/access/"
    )
    return is_sign_in or (answer.status in (401, 403) and "cf-access-domain" in answer.headers)
