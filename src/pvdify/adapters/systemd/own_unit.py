"""The unit of systemd in which this process runs."""

from pathlib import Path

from pvdify.settings import SYSTEMD_IS_HERE

OWN_CGROUPS = Path("/proc/self/cgroup")
OF_SYSTEMD = ("", "name=systemd")  # the hierarchies of cgroup v2 and v1 in which systemd keeps its units


def is_in_service(cgroups: Path = OWN_CGROUPS, root: Path = SYSTEMD_IS_HERE) -> bool:
    """Return whether this process is in a service, at whose stop systemd kills every process that is in it."""
    if not root.exists():
        return False
    try:
        lines = cgroups.read_text(encoding="ascii").splitlines()
    except OSError:
        return False
    found = (line.split(":", 2) for line in lines if line.count(":") >= 2)
    return any(path.endswith(".service") for _, controllers, path in found if controllers in OF_SYSTEMD)
