"""``gh pvdify``: the commands as an extension of GitHub's command line, with defaults from GitHub."""

import copy
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import click

from pvdify.cli import main as pvdify
from pvdify.cli import pull_request
from pvdify.cli.command import AnyInvocation, Invocation
from pvdify.cli.command_table import Program, program
from pvdify.cli.io import Io, Surroundings, process_io, process_surroundings
from pvdify.cli.workflow import Workflow
from pvdify.errors import InvalidError

REGISTRY = "ghcr.io"
IMAGE_HELP = {
    "deploy": f"The image; default: {REGISTRY}/OWNER/REPO:COMMIT, by the whole commit.",
    "preview": f"The image; default: {REGISTRY}/OWNER/REPO:pr-N.",
}
EXAMPLES = {
    "deploy": "gh pvdify deploy    # in a workflow or a checkout: the image of its commit",
    "preview": "gh pvdify preview --pr 12    # the image with the tag pr-12",
}


def main() -> int:
    """Run the command line of this process and return its exit code."""
    return run_extension(sys.argv[1:], process_surroundings(), process_io(os.environ))


def run_extension(argv: Sequence[str], surroundings: Surroundings, io: Io) -> int:
    """Run one command line, with reports to the workflow if GitHub Actions runs it; return its exit code."""
    if surroundings.environ.get("GITHUB_ACTIONS") == "true":
        io = replace(io, workflow=Workflow(surroundings.environ, io.stderr))
    return pvdify.run_program(argv, surroundings, io, understand=parse)


def parse(argv: Sequence[str], surroundings: Surroundings) -> AnyInvocation | int:
    """Parse the command line like ``cli.main.parse``, and fill in the default image.

    Raises InvalidError if an image is needed and GitHub's names are unknown.
    """
    parsed = pvdify.parse(argv, surroundings, program=extension, name="gh pvdify")
    if not isinstance(parsed, Invocation):
        return parsed
    return replace(parsed, options=_with_image(parsed.options, surroundings))


class Extension(Program):
    """The same commands, with help texts for ``gh pvdify``."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a copy of the command, because ``pvdify`` uses the original."""
        found = super().get_command(ctx, cmd_name)
        if found is None:
            return None
        command = copy.copy(found)
        example = EXAMPLES.get(cmd_name)
        command.epilog = f"\b\nExample:\n  {example}" if example else _called_here(found.epilog)
        command.params = [_with_help(parameter, IMAGE_HELP.get(cmd_name)) for parameter in found.params]
        return command


def _called_here(text: str | None) -> str | None:
    return text and text.replace("  pvdify ", "  gh pvdify ").replace("`pvdify ", "`gh pvdify ")


def _with_help(parameter: click.Parameter, text: str | None) -> click.Parameter:
    if text is None or parameter.name != "image" or not isinstance(parameter, click.Option):
        return parameter
    changed = copy.copy(parameter)
    changed.help = text
    return changed


def _with_image(options: Any, surroundings: Surroundings) -> Any:
    from pvdify.cli.commands import deploy, previews

    if isinstance(options, deploy.Options) and options.deploy.image is None:
        image = _image(pull_request.repository(surroundings), options.deploy.commit)
        return replace(options, deploy=replace(options.deploy, image=image))
    if isinstance(options, previews.Options) and options.wanted.image is None:
        image = _image(options.wanted.repository, f"pr-{options.pull_request}")
        return replace(options, wanted=replace(options.wanted, image=image))
    return options


def _image(repository: str | None, tag: str | None) -> str:
    if repository is None or tag is None:
        raise InvalidError(
            "no image was named",
            why=f"it is {REGISTRY}/OWNER/REPO with the commit or pull request as its tag, but neither the workflow "
            "(GITHUB_REPOSITORY, GITHUB_SHA) nor git (the remote `origin` at github.com, the commit) says which",
            next="name it: --image REF",
        )
    # Registries accept lower case only; names of owners at GitHub may have upper case.
    return f"{REGISTRY}/{repository.lower()}:{tag}"


extension = Extension(
    name="pvdify",
    params=program.params,
    callback=program.callback,
    help=program.help,
    context_settings=program.context_settings,
    epilog=_called_here(program.epilog),
)
