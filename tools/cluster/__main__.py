"""``python -m tools.cluster``: a real Kubernetes cluster on this machine.

build     build the programs, once: 4 minutes of a quiet machine with two cores
up        bring a cluster up: a control plane and two workers
exec      run a program in its outside network, with KUBECONFIG and kubectl: ``exec -- kubectl get nodes``
status    list the clusters of this machine
down      remove a cluster, with --all every one, with --left those whose test run was killed

Exits with 3 if there can be no cluster on this machine, and with 1 after other errors.
"""

import argparse
import os
import sys
from typing import NoReturn

from tools.cluster import programs
from tools.cluster.build import BuildFailed, SourceUnavailable, build
from tools.cluster.cluster import Cluster, ClusterFailed, known_clusters, remove_leftovers
from tools.cluster.layout import BadName, Layout, name_of_checkout
from tools.cluster.missing import missing_for_cluster

NO_CLUSTER_HERE = 3


def main() -> int:
    arguments = _parser().parse_args()
    if reason := missing_for_cluster():
        programs.say(f"error: {reason}")
        return NO_CLUSTER_HERE
    try:
        return _run(arguments)
    except SourceUnavailable as error:
        programs.say(f"error: {error}")
        return NO_CLUSTER_HERE
    except (BuildFailed, ClusterFailed, BadName) as error:
        programs.say(f"error: {error}")
        return 1


def _run(arguments: argparse.Namespace) -> int:
    match arguments.command:
        case "build":
            print(build().folder)
        case "up":
            _cluster(arguments).up()
            print(_cluster(arguments).layout.kubeconfig)
        case "status":
            return _status()
        case "exec":
            _exec(_cluster(arguments), arguments.program)
        case "down" if arguments.left:
            remove_leftovers()
        case "down":
            for name in known_clusters() if arguments.all else [arguments.name]:
                Cluster(Layout(name=name), programs.nothing()).down()
    return 0


def _cluster(arguments: argparse.Namespace) -> Cluster:
    return Cluster(Layout(name=arguments.name, nodes=getattr(arguments, "nodes", 2)), build())


def _status() -> int:
    names = known_clusters()
    for name in names:
        cluster = Cluster(Layout(name=name), programs.built(programs.cache()) or programs.nothing())
        state = f"ready nodes: {', '.join(sorted(cluster.ready_nodes()))}" if cluster.is_up() else "not up"
        print(f"{name}\t{state}")
    return 0 if names else 1


def _exec(cluster: Cluster, program: list[str]) -> NoReturn:
    if not cluster.is_up():
        raise ClusterFailed(f"{cluster.layout.name} is not up; next: python -m tools.cluster up")
    argv = program[1:] if program[:1] == ["--"] else program
    command = cluster.command(*(argv or [os.environ.get("SHELL", "/bin/sh")]))
    os.execvpe(command[0], command, cluster.environment())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.cluster", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--name", default=os.environ.get("PVDIFY_TEST_CLUSTER") or name_of_checkout(),
                        help="which cluster; default: that of this checkout")  # fmt: skip
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build", help="build the programs, once")
    up = commands.add_parser("up", help="bring it up and print its kubeconfig")
    up.add_argument("--nodes", type=int, default=2, help="workers; default: 2")
    commands.add_parser("status", help="list the clusters; exits with 1 if there is none")
    run = commands.add_parser("exec", help="run a program in its outside network; default: a shell")
    run.add_argument("program", nargs=argparse.REMAINDER)
    which = commands.add_parser("down", help="remove it").add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="remove all clusters")
    which.add_argument("--left", action="store_true", help="remove the clusters whose test run was killed")
    return parser


if __name__ == "__main__":
    sys.exit(main())
