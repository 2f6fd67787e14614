"""Stands in for conmon while a container starts, and puts its config vars into what the OCI runtime reads.

podman writes what it knows of a container to its database and to ``config.json``, both on disk, and shows it all in
``podman inspect``. So it is never told the config vars: podman starts this program, in the instance's directory on
tmpfs, where it expects conmon. It copies podman's ``config.json`` with the environment added, and becomes conmon with
that copy.

Runs alone (``python -IS launch.py CONMON ARGUMENT...``): imports the standard library only, and little of it.
"""

import json
import os
import sys

ENVIRONMENT, BUNDLE, CONFIG = "environment", "bundle", "config.json"


def with_environment(config: dict, environment: dict) -> dict:  # type: ignore[type-arg]
    """The OCI configuration with these variables set, in place of any of the same name."""
    process = config["process"]
    kept = [each for each in process.get("env", ()) if each.partition("=")[0] not in environment]
    added = [f"{name}={value}" for name, value in environment.items()]
    return {**config, "process": {**process, "env": kept + added}}


def point_to(link: str, target: str) -> None:
    """Make a symbolic link, in place of what may be there."""
    if os.path.lexists(link):
        os.unlink(link)  # noqa: PTH108
    os.symlink(target, link)  # noqa: PTH211


def main(conmon: str, *arguments: str) -> None:
    """Write the bundle and become conmon; the last ``-b`` counts."""
    theirs = arguments[arguments.index("-b") + 1]
    with open(os.path.join(theirs, CONFIG), encoding="utf-8") as file:  # noqa: PTH118, PTH123 - pathlib is slow to load
        config = json.load(file)
    with open(ENVIRONMENT, encoding="utf-8") as file:  # noqa: PTH123
        environment = json.load(file)
    os.makedirs(BUNDLE, mode=0o700, exist_ok=True)  # noqa: PTH103
    ours = os.path.join(BUNDLE, CONFIG)  # noqa: PTH118
    with os.fdopen(os.open(ours, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(with_environment(config, environment), file)
    if (
        "-i" in arguments or "-t" in arguments
    ):  # podman is going to talk to it through these, which conmon makes in the last ``-b``
        for name in ("attach", "ctl", "winsz"):
            point_to(os.path.join(theirs, name), os.path.abspath(os.path.join(BUNDLE, name)))  # noqa: PTH100, PTH118
    os.execv(conmon, [conmon, *arguments, "-b", os.path.abspath(BUNDLE)])  # noqa: S606, PTH100


if __name__ == "__main__":
    main(*sys.argv[1:])
