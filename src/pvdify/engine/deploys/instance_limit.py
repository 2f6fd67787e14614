"""The limits of an app's instances: of their number, which no tenant may exhaust, and by volumes for one of them."""

from collections.abc import Mapping

from pvdify.errors import InvalidScale, VolumeNotShared
from pvdify.manifest.definition import Manifest, volume_problems
from pvdify.model.release import Release
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


def check_volumes(app: str, live: Release, counts: Mapping[str, int]) -> None:
    """Raise VolumeNotShared if several instances of a process would use a volume that is not shared."""
    if problems := volume_problems(live.volumes, counts):
        raise VolumeNotShared(
            f"{app} was not scaled",
            why="; ".join(problems),
            next="set shared: true for that volume in pvdify.yml if the app is made for it, and deploy",
        )
