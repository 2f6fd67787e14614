"""Links: which repository may deploy an app without a stored token, and which claims its workflows' tokens need.

Pure functions.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pvdify.errors import IdentityRefused, InvalidError
from pvdify.model.names import parent_of

REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,38}/(?!\.\.?\Z)[A-Za-z0-9._-]{1,100}")
LEEWAY = timedelta(seconds=30)  # by which two servers' clocks may differ
LONGEST_LIFE = timedelta(hours=1)
LONGEST_WORD = 255  # characters
HEADS, TAGS = "refs/heads/", "refs/tags/"
DEFAULT_EVENTS = ("push", "workflow_dispatch", "schedule", "release")
# Any GitHub user can cause these, or they run code from any user's pull request: no link allows them to deploy an app.
NEVER = frozenset({"pull_request", "pull_request_target"})
EVENT = re.compile(r"[a-z][a-z_]{0,63}")
WORKFLOW = re.compile(r"(\.github/workflows/)?[A-Za-z0-9._-]{1,200}\.ya?ml")
MOST_EVENTS = 20


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A repository. Its name may change or be given to another repository; its numbers stay the same."""

    name: str
    id: int
    owner_id: int


@dataclass(frozen=True, kw_only=True)
class Link:
    """The permission for a repository's workflows to deploy the app: from ``branch``, in ``environment`` if given.

    ``events``: the events that may start the workflow. ``workflow``: the workflow's file; None for any.
    ``allows_previews``: workflows of pull requests may make, update and close the app's previews.
    """

    app: str
    repository: str
    repository_id: int
    owner_id: int
    branch: str
    environment: str | None = None
    allows_previews: bool = False
    events: tuple[str, ...] = DEFAULT_EVENTS
    workflow: str | None = None
    created_at: datetime
    created_by: str


@dataclass(frozen=True, kw_only=True)
class Expected:
    """The issuer and the audience that a token must have."""

    issuer: str
    audience: str


def check_link(
    repository: str, branch: str, environment: str | None, events: tuple[str, ...] = DEFAULT_EVENTS,
    workflow: str | None = None,
) -> None:  # fmt: skip
    """Raise InvalidError with every problem of the link."""
    problems = []
    if not 1 <= len(events) <= MOST_EVENTS or not all(EVENT.fullmatch(event) for event in events):
        problems.append(f"events: expected 1 to {MOST_EVENTS} names of events, such as push")
    if refused_events := sorted(NEVER & set(events)):
        problems.append(f"events: {', '.join(refused_events)} never deploys an app; --previews is for pull requests")
    if workflow is not None and not WORKFLOW.fullmatch(workflow):
        problems.append("workflow: expected the name of a file in .github/workflows, such as deploy.yml")
    if not REPOSITORY.fullmatch(repository):
        problems.append(f'repository: expected OWNER/NAME, got "{repository[:120]}"')
    for name, word in (("branch", branch), ("environment", environment)):
        if word is not None and (not word.strip() or len(word) > LONGEST_WORD or not word.isprintable()):
            problems.append(f"{name}: expected 1 to {LONGEST_WORD} printable characters")
    if branch.startswith("refs/"):
        problems.append(f'branch: expected its short name, such as main, got "{branch[:120]}"')
    if problems:
        raise InvalidError(
            "the repository was not linked", next="`pvdify github:link --help` shows an example",
            details={"problems": problems},
        )  # fmt: skip


def check_token(claims: Mapping[str, Any], expected: Expected, now: datetime) -> datetime:
    """Check issuer, audience and times of a token, and return when it expires. Raises IdentityRefused."""
    for name, value in (("iss", expected.issuer), ("aud", expected.audience)):
        # A list that has the right audience among others is for other servers, too.
        if claims.get(name) != value:
            raise refused(name, f"is {_quoted(claims.get(name))}, expected {_quoted(value)}")
    expires_at = _time_claim(claims, "exp")
    if expires_at + LEEWAY <= now:
        raise refused("exp", f"was {expires_at:%Y-%m-%d %H:%M:%S}Z, now it is {now:%H:%M:%S}Z")
    if expires_at > now + LONGEST_LIFE:
        raise refused("exp", "is more than an hour away")
    for name in ("nbf", "iat"):
        begins_at = _time_claim(claims, name)
        if begins_at - LEEWAY > now:
            raise refused(name, f"is {begins_at:%Y-%m-%d %H:%M:%S}Z, now it is {now:%H:%M:%S}Z")
    _text_claim(claims, "jti")
    return expires_at


def link_for(claims: Mapping[str, Any], app: str, links: tuple[Link, ...], preview_branch: str | None = None) -> Link:
    """Return the link by which this token's workflow may work on the app. Raises IdentityRefused with the faulty claim.

    ``links``: those of the app, or for a preview those of its parent. ``preview_branch``: the branch of the preview's
    newest release, if it has one.
    """
    repository = _text_claim(claims, "repository_id")
    ours = [link for link in links if str(link.repository_id) == repository]
    if not ours:
        raise refused("repository_id", f"is {_quoted(repository)}, which is not linked to {app}")
    reasons = []
    for link in ours:
        try:
            _check_owner(claims, link)
            if link.app == app:
                _check_deploy(claims, link)
            else:
                _check_preview(claims, link, app, preview_branch)
        except IdentityRefused as error:
            reasons.append(error)
        else:
            return link
    raise reasons[0]


def described(claims: Mapping[str, Any]) -> str:
    """Describe the workflow for the record, from claims that no decision depends on and that may be missing."""
    names = ("actor", "repository", "ref", "event_name", "run_id", "sha")
    return ", ".join(f"{name} {str(claims[name])[:120]}" for name in names if isinstance(claims.get(name), str))


def refused(claim: str, why: str) -> IdentityRefused:
    """Return the refusal of a token because of this claim, or this part of its header."""
    return IdentityRefused(
        "this workflow's token was not accepted",
        why=f"{claim} {why}",
        next="`pvdify github` shows which workflow may do what; an admin changes it with `pvdify github:link`",
        details={"claim": claim},
    )


def _check_owner(claims: Mapping[str, Any], link: Link) -> None:
    owner = _text_claim(claims, "repository_owner_id")
    if owner != str(link.owner_id):
        raise refused("repository_owner_id", f"is {_quoted(owner)}: {link.repository} belongs to another owner now")


def _check_deploy(claims: Mapping[str, Any], link: Link) -> None:
    _check_start(claims, link)
    environment = claims.get("environment")
    is_there = isinstance(environment, str) and environment.casefold() == (link.environment or "").casefold()
    if link.environment is not None and not is_there:
        raise refused("environment", f"is {_quoted(environment)}, expected {_quoted(link.environment)}")


def _check_start(claims: Mapping[str, Any], link: Link) -> None:
    """Check the event that started the workflow, its branch and its file."""
    event = _text_claim(claims, "event_name")
    if event not in link.events or event in NEVER:
        raise refused("event_name", f"is {_quoted(event)}, expected {' or '.join(link.events)}")
    ref = _text_claim(claims, "ref")
    # A release has the ref of its tag, which can be on any commit: only an environment's rules at GitHub guard that.
    is_release = event == "release" and ref.startswith(TAGS) and link.environment is not None
    if ref != HEADS + link.branch and not is_release:
        raise refused("ref", f"is {_quoted(ref)}, expected {_quoted(HEADS + link.branch)}")
    if link.workflow is not None:
        _check_workflow(claims, link.workflow)


def _check_workflow(claims: Mapping[str, Any], wanted: str) -> None:
    """Check the workflow's file. ``workflow_ref`` is ``OWNER/NAME/.github/workflows/FILE@REF``.

    The claim names the file that was started, not a file that it calls. An organization can run workflows of another
    repository for this one, and their files can have the same names.
    """
    found = _text_claim(claims, "workflow_ref").partition("@")[0]
    repository = _text_claim(claims, "repository")
    full = f"{repository}/{wanted if '/' in wanted else f'.github/workflows/{wanted}'}"
    is_own = found[: len(repository)].casefold() == repository.casefold()
    if not is_own or found[len(repository) :] != full[len(repository) :]:
        raise refused("workflow_ref", f"is of {_quoted(found)}, expected {_quoted(full)}")


def _check_preview(claims: Mapping[str, Any], link: Link, app: str, preview_branch: str | None) -> None:
    found = parent_of(app)
    if found is None or not link.allows_previews:
        raise refused("event_name", f"counts for nothing here: the link of {link.app} does not allow previews")
    event, ref = _text_claim(claims, "event_name"), _text_claim(claims, "ref")
    if event not in NEVER:
        _check_start(claims, link)  # a workflow that may deploy the app may work on its previews
        return
    if event != "pull_request":
        raise refused("event_name", f'is {_quoted(event)}, which names no pull request, expected "pull_request"')
    own = f"refs/pull/{found[1]}/merge"
    # After a merge, the ref is the target branch, and only ``head_ref`` names the pull request's own branch.
    is_merged = ref.startswith(HEADS) and preview_branch is not None and claims.get("head_ref") == preview_branch
    if ref != own and not is_merged:
        raise refused("ref", f"is {_quoted(ref)}, expected {_quoted(own)}")


def _text_claim(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value or len(value) > LONGEST_WORD * 4:
        raise refused(name, f"is {_quoted(value)}, expected some text")
    return value


def _time_claim(claims: Mapping[str, Any], name: str) -> datetime:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**33:
        raise refused(name, f"is {_quoted(value)}, expected seconds since 1970")
    return datetime.fromtimestamp(value, tz=UTC)


def _quoted(value: object) -> str:
    return "not there" if value is None else f'"{str(value)[:120]}"'
