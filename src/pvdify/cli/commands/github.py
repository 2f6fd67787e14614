"""``pvdify github``, ``github:link`` and ``github:unlink``: repositories whose workflows may deploy without secrets."""

from dataclasses import dataclass

import click

from pvdify.cli import app_name, output
from pvdify.cli.command import app_parameter, command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io
from pvdify.cli.moments import moment
from pvdify.cli.parameters import WholeNumber
from pvdify.client.api import Client
from pvdify.wire.answers import Link
from pvdify.wire.requests import LinkRepository


@dataclass(frozen=True, kw_only=True)
class ListOptions:
    """Options of ``pvdify github``."""

    app: str
    as_json: bool


@dataclass(frozen=True, kw_only=True)
class LinkOptions:
    """Options of ``pvdify github:link``."""

    app: str
    wanted: LinkRepository
    as_json: bool


@dataclass(frozen=True, kw_only=True)
class UnlinkOptions:
    """Options of ``pvdify github:unlink``."""

    app: str
    repository: str
    as_json: bool


def run_list(options: ListOptions, client: Client, io: Io) -> int:
    """Show the app's links."""
    found = client.links(options.app)
    if options.as_json:
        io.show_json({"links": found})
    elif found:
        io.show(
            output.table(
                ("REPOSITORY", "ID", "BRANCH", "ENVIRONMENT", "EVENTS", "WORKFLOW", "PREVIEWS", "LINKED", "BY"),
                (_row(link, io) for link in found),
            )
        )
    else:
        io.say(f"{options.app} is linked to no repository; to link one: pvdify github:link {options.app} OWNER/REPO")
    return DONE


def run_link(options: LinkOptions, client: Client, io: Io) -> int:
    """Link the repository, and print what its workflow needs."""
    link = client.link(options.app, options.wanted)
    if options.as_json:
        io.show_json(link)
        return DONE
    io.show(
        f"{link.repository} (id {link.repository_id}) may deploy {link.app} from the branch {link.branch}{_more(link)}"
    )
    io.say("a workflow needs `permissions: id-token: write` and PVDIFY_URL, and no PVDIFY_TOKEN")
    io.say(f"to take it back: pvdify github:unlink {link.app} {link.repository}")
    return DONE


def run_unlink(options: UnlinkOptions, client: Client, io: Io) -> int:
    """Unlink the repository; tokens that its workflows hold are revoked."""
    client.unlink(options.app, options.repository)
    if options.as_json:
        io.show_json({"app": options.app, "repository": options.repository, "status": "unlinked"})
    else:
        io.show(f"{options.repository} may no longer deploy {options.app}")
    return DONE


@command("github", run=run_list, example="pvdify github myapp")
@app_parameter
def github(*, app: str, as_json: bool) -> ListOptions:
    """Show the repositories whose workflows may deploy APP."""
    return ListOptions(app=app, as_json=as_json)


@command(
    "github:link",
    run=run_link,
    example="pvdify github:link myapp org/myapp\n"
    "pvdify github:link myapp org/myapp --environment production --previews",
)
@click.argument("app")
@click.argument("repository", metavar="OWNER/REPO")
@click.option("--branch", default="main", show_default=True, metavar="NAME", help="The branch that is deployed.")
@click.option("--environment", metavar="NAME", help="The GitHub environment of the job; default: any.")
@click.option(
    "--event",
    "events",
    multiple=True,
    metavar="NAME",
    help="An event that may start the workflow; repeatable. Default: push, workflow_dispatch, schedule, release.",
)
@click.option("--workflow", metavar="FILE", help="The workflow's file in .github/workflows; default: any.")
@click.option(
    "--domain", "domains", multiple=True, metavar="HOSTNAME", help="A hostname that deploys may claim for APP."
)
@click.option("--previews", is_flag=True, help="Allow previews of pull requests.")
@click.option("--repository-id", type=WholeNumber(min=1), metavar="N", help="The repository's id; default: ask GitHub.")
@click.option("--owner-id", type=WholeNumber(min=1), metavar="N", help="The owner's id; default: ask GitHub.")
def github_link(  # noqa: PLR0913 - one parameter per option
    *,
    app: str,
    repository: str,
    branch: str,
    environment: str | None,
    events: tuple[str, ...],
    workflow: str | None,
    domains: tuple[str, ...],
    previews: bool,
    repository_id: int | None,
    owner_id: int | None,
    as_json: bool,
) -> LinkOptions:
    """Allow a repository's workflows to deploy APP.

    No secret is stored. GitHub identifies the workflow; the server checks repository, owner, branch, event, workflow
    file and environment, and gives the workflow a token for ten minutes. A new link of the same app and repository
    replaces the old one.
    """
    if (repository_id is None) is not (owner_id is None):
        raise click.UsageError("--repository-id and --owner-id go together")
    wanted = LinkRepository(
        repository=repository,
        branch=branch,
        environment=environment,
        previews=previews,
        events=list(events) or None,
        workflow=workflow,
        domains=list(domains) or None,
        repository_id=repository_id,
        owner_id=owner_id,
    )
    return LinkOptions(app=app_name.check(app), wanted=wanted, as_json=as_json)


@command("github:unlink", run=run_unlink, example="pvdify github:unlink myapp org/myapp")
@click.argument("app")
@click.argument("repository", metavar="OWNER/REPO")
def github_unlink(*, app: str, repository: str, as_json: bool) -> UnlinkOptions:
    """Forbid a repository's workflows to deploy APP.

    Their tokens are revoked, too.
    """
    return UnlinkOptions(app=app_name.check(app), repository=repository, as_json=as_json)


def _row(link: Link, io: Io) -> tuple[str, ...]:
    return (
        link.repository,
        str(link.repository_id),
        link.branch,
        link.environment or "any",
        ",".join(link.events),
        link.workflow or "any",
        "yes" if link.previews else "no",
        moment(link.created_at, io),
        link.created_by,
    )


def _more(link: Link) -> str:
    environment = f", in the environment {link.environment}" if link.environment else ""
    environment += f", on {', '.join(link.events)}" + (f", by {link.workflow}" if link.workflow else "")
    return environment + (", and make previews of its pull requests" if link.previews else "")
