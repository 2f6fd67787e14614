"""The limit of instances of one app, which keeps one tenant from taking all ports and processes of the server."""

from pvdify.errors import InvalidScale
from pvdify.manifest.definition import Manifest
from pvdify.model.scale import Scale


def check_instances(app: str, manifest: Manifest, scale: Scale, most: int, allowed: int = 0) -> None:
    """Raise InvalidScale if all processes together would have more than ``most`` instances.

    ``allowed``: the number that the app has already, which it may keep. A stopped app counts as started.
    """
    counts = {name: scale.count(name, manifest) for name in manifest.processes}
    wanted = sum(counts.values())
    if wanted > max(most, allowed):
        shown = " ".join(f"{name}={count}" for name, count in counts.items())
        raise InvalidScale(
            f"{app} would have {wanted} instances ({shown})",
            why=f"an app has at most {most} on this server, all its processes together (`max_app_instances`)",
            next="choose fewer with `count` in pvdify.yml or with `pvdify ps:scale`; an admin of the server can raise "
            "the limit in pvdifyd.toml",
        )
