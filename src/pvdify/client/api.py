"""The REST API as methods: one question each, wire types in and out.

Every method raises what the server refuses with, or ServerUnreachable. Those that change something raise
OutcomeUnknown when the answer was lost, and say how to find out.
"""

from base64 import b64decode
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import quote

from pvdify.client.encode import request_body
from pvdify.client.events import END, follow
from pvdify.client.session import Question, Session, new_key
from pvdify.client.target import Target
from pvdify.client.transport import HttpAnswer
from pvdify.wire.answers import (
    App,
    Config,
    ConfigFile,
    ConfigVar,
    ConfigVersion,
    Delivery,
    Domain,
    Edge,
    Health,
    Identity,
    ImportedConfig,
    Link,
    LogLine,
    NewToken,
    Notification,
    OneOff,
    OneOffEnd,
    Operation,
    Posthog,
    Preview,
    Process,
    Recipient,
    Reencrypted,
    Registry,
    Release,
    RollbackPlan,
    Status,
    Token,
    Visit,
)
from pvdify.wire.differences import ReleaseDiff
from pvdify.wire.requests import (
    AddDomain,
    AddNotification,
    AddRecipient,
    ChangeApp,
    ConnectEdge,
    ConnectPosthog,
    CreateApp,
    CreateToken,
    Deploy,
    ImportConfig,
    LinkRepository,
    LogInToRegistry,
    PutPreview,
    RestartProcesses,
    RevealConfig,
    Rollback,
    RunCommand,
    Terminal,
)

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class DeployLine:
    """A line of a deploy log, as people read it."""

    text: str


@dataclass(frozen=True, kw_only=True)
class StepBegan:
    """A step of a deploy has begun."""

    step: str


@dataclass(frozen=True, kw_only=True)
class DeployEnded:
    """Nothing of the deploy is still to come before its release is live, or has failed."""

    release: Release


@dataclass(frozen=True, kw_only=True)
class RunOutput:
    """A piece of what a one-off command wrote to ``stdout`` or ``stderr``."""

    stream: str
    data: bytes


@dataclass(frozen=True, kw_only=True)
class RunEnded:
    """A one-off command has ended."""

    exit_code: int


@dataclass(frozen=True, kw_only=True)
class LogFilter:
    """Which runtime log lines: the last ``lines``, of one process type and one release if these are named.

    ``since``: ``10m`` or a moment in ISO 8601; then all of them, unless ``lines`` says how many.
    """

    lines: int | None = 100
    since: str | None = None
    process: str | None = None
    release: int | None = None


class Client:
    """One server's API."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def target(self) -> Target:
        """The server that is asked, and as whom."""
        return self._session.target

    def with_target(self, target: Target) -> "Client":
        """The same for another server or token."""
        return Client(Session(target, sleep=self._session.sleep))

    def health(self) -> Health:
        """Whether the server runs, and its version; the only question that needs no token."""
        return self._session.ask_for(Health, Question(path="/health"))

    def whoami(self) -> Identity:
        """Who the token stands for."""
        return self._session.ask_for(Identity, Question(path="/whoami"))

    def status(self) -> Status:
        """The server at a glance."""
        return self._session.ask_for(Status, Question(path="/status"))

    def apps(self) -> list[App]:
        """All apps the token may see."""
        return self._list(App, "apps", Question(path="/apps"))

    def app(self, app: str) -> App:
        """One app."""
        return self._session.ask_for(App, Question(path=_path(app)))

    def set_maintenance(self, app: str, *, is_on: bool) -> App:
        """Tell visitors to come back later, or let them through again. Raises AppNotFound."""
        lost, look = f"maintenance of {app} may or may not have been changed", f"`pvdify apps:info {app}` shows it"
        body = request_body(ChangeApp(maintenance=is_on))
        return self._session.ask_for(App, Question(method="PATCH", path=_path(app), body=body, lost=lost, look=look))

    def create_app(self, app: str) -> App:
        """A new app without a release."""
        lost, look = f"{app} may or may not have been created", "`pvdify apps` shows whether it was"
        body = request_body(CreateApp(name=app))
        return self._session.ask_for(App, Question(method="POST", path="/apps", body=body, lost=lost, look=look))

    def destroy_app(self, app: str) -> None:
        """Remove the app with everything it has."""
        lost, look = f"{app} may or may not be on its way out", "`pvdify apps` shows whether it is still there"
        query = {"confirm": app}
        self._session.ask(Question(method="DELETE", path=_path(app), query=query, lost=lost, look=look))

    def releases(self, app: str, *, limit: int = 15) -> list[Release]:
        """The newest releases, newest first."""
        return self._list(Release, "releases", Question(path=_path(app, "releases"), query={"limit": str(limit)}))

    def release(self, app: str, version: int) -> Release:
        """One release."""
        return self._session.ask_for(Release, Question(path=_path(app, "releases", version)))

    def deploy(self, app: str, deploy: Deploy, *, key: str | None = None) -> Release:
        """A new release, on its way; asked again under the same key until an answer comes."""
        body = request_body(deploy)
        return self._make_release(app, _path(app, "releases"), body, key or new_key())

    def rollback(self, app: str, rollback: Rollback) -> Release:
        """A new release that repeats an older one, on its way; safe to ask again like a deploy."""
        return self._make_release(app, _path(app, "rollback"), request_body(rollback), new_key())

    def rollback_plan(self, app: str, version: int | None) -> RollbackPlan:
        """What a rollback would do."""
        query = {} if version is None else {"version": str(version)}
        return self._session.ask_for(RollbackPlan, Question(path=_path(app, "rollback"), query=query))

    def diff(self, app: str, older: int, newer: int) -> ReleaseDiff:
        """What the second release has otherwise than the first."""
        path = _path(app, "releases", older, "diff")
        return self._session.ask_for(ReleaseDiff, Question(path=path, query={"to": str(newer)}))

    def cancel(self, app: str, version: int) -> Release:
        """Ask for the end of a release that is on its way."""
        lost = f"v{version} of {app} may or may not be canceled"
        look = f"`pvdify releases:info {app} {version}` shows its status"
        path = _path(app, "releases", version, "cancel")
        return self._session.ask_for(Release, Question(method="POST", path=path, lost=lost, look=look))

    def deploy_log(self, app: str, version: int) -> str:
        """The deploy log so far."""
        question = Question(path=_path(app, "releases", version, "log"))
        return self._session.ask(question).body.decode("utf-8", "replace")

    def follow_deploy(self, app: str, version: int) -> Iterator[DeployLine | StepBegan | DeployEnded]:
        """The deploy log from its first line to its end, as it grows. Raises StreamLost when the server is gone."""
        question = Question(path=_path(app, "releases", version, "log"), query={"follow": "1"})
        for event in follow(lambda last: self._session.open_stream(question, last), sleep=self._session.sleep):
            if event.name == "step":
                yield StepBegan(step=event.data)
            elif event.name == END:
                yield DeployEnded(release=self._session.understand_text(Release, event.data))
            elif event.name == "message":
                yield DeployLine(text=event.data)

    def config(self, app: str) -> Config:
        """The newest config; secrets without their values."""
        return self._config(Question(path=_path(app, "config")))

    def change_config(self, app: str, changes: Mapping[str, object]) -> Config:
        """A new config version: names with a value are set, names with None unset."""
        lost, look = f"the config of {app} may or may not have changed", f"`pvdify config:history {app}` shows it"
        question = Question(method="PATCH", path=_path(app, "config"), body=dict(changes), lost=lost, look=look)
        return self._config(question)

    def reveal_config(self, app: str, key: str) -> str:
        """The value of a config var, secret or not; the server notes who asked."""
        body = request_body(RevealConfig(keys=[key]))
        lost, look = "the server may or may not have noted that you asked", "ask again"
        path = _path(app, "config", "reveal")
        answer = self._session.ask(Question(method="POST", path=path, body=body, lost=lost, look=look))
        return str(self._object(answer)[key])

    def config_file(self, app: str) -> ConfigFile:
        """The newest config version as a SOPS file."""
        return self._session.ask_for(ConfigFile, Question(path=_path(app, "config", "file")))

    def import_config(self, app: str, file: ImportConfig) -> ImportedConfig:
        """Make what a SOPS file holds the app's config."""
        lost, look = f"the config of {app} may or may not have changed", f"`pvdify config:history {app}` shows it"
        path = _path(app, "config", "import")
        question = Question(method="POST", path=path, body=request_body(file), lost=lost, look=look)
        return self._session.ask_for(ImportedConfig, question)

    def recipients(self) -> list[Recipient]:
        """Who can open the config files."""
        return self._list(Recipient, "recipients", Question(path="/secrets/recipients"))

    def add_recipient(self, name: str, key: str) -> Reencrypted:
        """Encrypt the config files for one more."""
        body = request_body(AddRecipient(name=name, key=key))
        return self._reencrypt("POST", "/secrets/recipients", body)

    def remove_recipient(self, name: str) -> Reencrypted:
        """Encrypt the config files for one fewer."""
        return self._reencrypt("DELETE", f"/secrets/recipients/{quote(name, safe='')}")

    def rotate_secrets(self) -> Reencrypted:
        """A new key for the server."""
        return self._reencrypt("POST", "/secrets/rotate", {})

    def config_versions(self, app: str) -> list[ConfigVersion]:
        """Every change of the config: who, when, which names."""
        return self._list(ConfigVersion, "versions", Question(path=_path(app, "config", "versions")))

    def processes(self, app: str) -> list[Process]:
        """The app's process types with their instances."""
        return self._list(Process, "processes", Question(path=_path(app, "processes")))

    def scale(self, app: str, wishes: Mapping[str, str]) -> Operation:
        """Have so many instances: ``3``, ``+1`` or ``-1`` by process; on its way."""
        return self._change_processes(Question(method="PATCH", path=_path(app, "processes"), body=dict(wishes)), app)

    def restart(self, app: str, process: str | None) -> Operation:
        """New instances in place of all, or of one process's; on its way."""
        body = request_body(RestartProcesses(process=process))
        return self._change_processes(Question(method="POST", path=_path(app, "processes", "restart"), body=body), app)

    def set_stopped(self, app: str, *, is_stopped: bool) -> Operation:
        """Stop every instance, or start as many as before; on its way."""
        path = _path(app, "processes", "stop" if is_stopped else "start")
        return self._change_processes(Question(method="POST", path=path), app)

    def operation(self, app: str, id: str) -> Operation:
        """What has become of a change of what runs."""
        return self._session.ask_for(Operation, Question(path=_path(app, "operations", id)))

    def run(self, app: str, command: RunCommand) -> OneOff:
        """Run a one-off command; it goes on for as long as ``follow_run`` is read."""
        lost, look = f"the command may have been started in {app}", "it ends by itself when nobody watches it"
        body = request_body(command)
        return self._session.ask_for(
            OneOff, Question(method="POST", path=_path(app, "run"), body=body, lost=lost, look=look)
        )

    def follow_run(self, run: OneOff) -> Iterator[RunOutput | RunEnded]:
        """What a command writes, as it comes, and how it ended. Raises StreamLost, OneOffNotFound."""
        question = Question(path=_path(run.app, "run", run.id))
        for event in follow(lambda last: self._session.open_stream(question, last), sleep=self._session.sleep):
            if event.name == END:
                yield RunEnded(exit_code=self._session.understand_text(OneOffEnd, event.data).exit_code)
            elif event.name in ("stdout", "stderr"):
                yield RunOutput(stream=event.name, data=b64decode(event.data))

    def write_run(self, run: OneOff, at: int, data: bytes) -> None:
        """Let a command read this, after the first ``at`` bytes; nothing: there is no more."""
        query = {"at": str(at), **({} if data else {"end": "1"})}
        self._session.ask(Question(method="POST", path=_path(run.app, "run", run.id, "input"), query=query, body=data))

    def resize_run(self, run: OneOff, terminal: Terminal) -> None:
        """A command's terminal has another size."""
        path = _path(run.app, "run", run.id, "terminal")
        self._session.ask(Question(method="POST", path=path, body=request_body(terminal)))

    def end_run(self, run: OneOff) -> None:
        """End a command, if it has not ended."""
        self._session.ask(Question(method="DELETE", path=_path(run.app, "run", run.id)))

    def sleep(self, seconds: float) -> None:
        """Wait before asking again."""
        self._session.sleep(seconds)

    def domains(self, app: str) -> list[Domain]:
        """All hostnames of the app, its own first."""
        return self._list(Domain, "domains", Question(path=_path(app, "domains")))

    def add_domain(self, app: str, hostname: str) -> Domain:
        """Have the app answer to one more hostname."""
        lost, look = f"{app} may or may not answer to {hostname} now", f"`pvdify domains {app}` shows it"
        body = request_body(AddDomain(hostname=hostname))
        question = Question(method="POST", path=_path(app, "domains"), body=body, lost=lost, look=look)
        return self._session.ask_for(Domain, question)

    def remove_domain(self, app: str, hostname: str) -> None:
        """Have the app no longer answer to a hostname that was added."""
        lost, look = f"{app} may or may not answer to {hostname} still", f"`pvdify domains {app}` shows it"
        self._session.ask(Question(method="DELETE", path=_path(app, "domains", hostname), lost=lost, look=look))

    def logs(self, app: str, wanted: LogFilter) -> list[LogLine]:
        """The last lines that the app's instances wrote."""
        return self._list(LogLine, "lines", Question(path=_path(app, "logs"), query=_log_query(wanted)))

    def follow_logs(self, app: str, wanted: LogFilter) -> Iterator[LogLine]:
        """The same, and on: after a lost connection it goes on behind the last line. Raises StreamLost."""
        question = Question(path=_path(app, "logs"), query={**_log_query(wanted), "follow": "1"})
        for event in follow(lambda last: self._session.open_stream(question, last), sleep=self._session.sleep):
            if event.name == "message":
                yield self._session.understand_text(LogLine, event.data)

    def visits(self, app: str | None, lines: int) -> list[Visit]:
        """The requests that the router saw end last, of one app if it is named."""
        return self._list(Visit, "visits", Question(path="/router/log", query=_visit_query(app, lines)))

    def follow_visits(self, app: str | None, lines: int) -> Iterator[Visit]:
        """The same, and on. Raises StreamLost when the server is gone."""
        question = Question(path="/router/log", query={**_visit_query(app, lines), "follow": "1"})
        return self._follow(Visit, question, lines)

    def previews(self, app: str) -> list[Preview]:
        """An app's previews."""
        return self._list(Preview, "previews", Question(path=_path(app, "previews")))

    def put_preview(self, app: str, number: int, wanted: PutPreview) -> Preview:
        """Make a preview or update it, on its way; safe to ask again like a deploy."""
        lost = f"the preview of pull request {number} may or may not be on its way"
        look = f"`pvdify previews {app}` shows it"
        path, body = _path(app, "previews", number), request_body(wanted)
        question = Question(method="PUT", path=path, body=body, key=new_key(), lost=lost, look=look)
        return self._session.ask_for(Preview, question)

    def close_preview(self, app: str, number: int, as_of: str | None) -> Preview:
        """The pull request is closed; asking twice is as good as once."""
        query = {} if as_of is None else {"as_of": as_of}
        question = Question(method="DELETE", path=_path(app, "previews", number), query=query)
        return self._session.ask_for(Preview, question)

    def links(self, app: str) -> list[Link]:
        """The repositories whose workflows may deploy the app."""
        return self._list(Link, "links", Question(path=_path(app, "github")))

    def link(self, app: str, wanted: LinkRepository) -> Link:
        """Let a repository's workflows deploy the app; asking twice is as good as once."""
        lost, look = f"{wanted.repository} may or may not be linked to {app}", f"`pvdify github {app}` shows it"
        question = Question(method="POST", path=_path(app, "github"), body=request_body(wanted), lost=lost, look=look)
        return self._session.ask_for(Link, question)

    def unlink(self, app: str, repository: str) -> None:
        """Have a repository's workflows no longer deploy the app."""
        lost, look = f"{repository} may or may not be linked to {app} still", f"`pvdify github {app}` shows it"
        path = _path(app, "github", *repository.split("/"))
        self._session.ask(Question(method="DELETE", path=path, lost=lost, look=look))

    def tokens(self) -> list[Token]:
        """All tokens, without their secrets."""
        return self._list(Token, "tokens", Question(path="/tokens"))

    def create_token(self, wanted: CreateToken) -> NewToken:
        """A new token; its secret is in this answer and nowhere else."""
        lost = f'a token "{wanted.name}" may or may not have been made'
        look = "`pvdify tokens` shows whether it was; then `pvdify tokens:revoke ID`, and create another"
        body = request_body(wanted)
        return self._session.ask_for(NewToken, Question(method="POST", path="/tokens", body=body, lost=lost, look=look))

    def revoke_token(self, token_id: str) -> None:
        """The token is good for nothing from now on."""
        lost, look = f"the token {token_id} may or may not be revoked", "`pvdify tokens` shows it"
        path = f"/tokens/{quote(token_id, safe='')}"
        self._session.ask(Question(method="DELETE", path=path, lost=lost, look=look))

    def registries(self) -> list[Registry]:
        """Which registries the server signs in to."""
        return self._list(Registry, "registries", Question(path="/registries"))

    def log_in_to_registry(self, host: str, login: LogInToRegistry) -> Registry:
        """Have the server sign in; asking twice is as good as once."""
        return self._session.ask_for(Registry, Question(method="PUT", path=_registry(host), body=request_body(login)))

    def log_out_of_registry(self, host: str) -> None:
        """Have the server forget its login."""
        lost, look = f"the server may or may not be signed out of {host}", "`pvdify registry` shows it"
        self._session.ask(Question(method="DELETE", path=_registry(host), lost=lost, look=look))

    def notifications(self) -> list[Notification]:
        """Who is told of what happens."""
        return self._list(Notification, "notifications", Question(path="/notifications"))

    def add_notification(self, wanted: AddNotification) -> Notification:
        """Have somebody told; for a program with the key to check signatures by, which is in no other answer."""
        lost, look = "a notification may or may not have been added", "`pvdify notify` shows it"
        body = request_body(wanted)
        question = Question(method="POST", path="/notifications", body=body, lost=lost, look=look)
        return self._session.ask_for(Notification, question)

    def remove_notification(self, notification: str) -> None:
        """Tell them nothing any more."""
        lost, look = f"the notification {notification} may or may not be removed", "`pvdify notify` shows it"
        path = f"/notifications/{quote(notification, safe='')}"
        self._session.ask(Question(method="DELETE", path=path, lost=lost, look=look))

    def test_notification(self, notification: str) -> Delivery:
        """Tell them something now; how that went."""
        path = f"/notifications/{quote(notification, safe='')}/test"
        lost, look = "a test may or may not have been sent", f"`pvdify notify:log {notification}` shows it"
        return self._session.ask_for(Delivery, Question(method="POST", path=path, lost=lost, look=look))

    def deliveries(self, notification: str | None, limit: int) -> list[Delivery]:
        """What was told, newest first, to one of them if it is named."""
        query = {"limit": str(limit)} | ({} if notification is None else {"notification": notification})
        return self._list(Delivery, "deliveries", Question(path="/deliveries", query=query))

    def posthog(self) -> Posthog:
        """The server's connection to PostHog."""
        return self._session.ask_for(Posthog, Question(path="/posthog"))

    def connect_posthog(self, wanted: ConnectPosthog) -> Posthog:
        """Connect the server to a PostHog project; asking twice is as good as once."""
        question = Question(method="PUT", path="/posthog", body=request_body(wanted))
        return self._session.ask_for(Posthog, question)

    def disconnect_posthog(self) -> None:
        """End the server's connection to PostHog; asking twice is as good as once."""
        self._session.ask(Question(method="DELETE", path="/posthog"))

    def edge(self) -> Edge:
        """What leads visitors to the server."""
        return self._session.ask_for(Edge, Question(path="/edge"))

    def connect_edge(self, wanted: ConnectEdge) -> Edge:
        """Have Cloudflare lead visitors to the server; asking twice is as good as once."""
        return self._session.ask_for(Edge, Question(method="PUT", path="/edge", body=request_body(wanted)))

    def disconnect_edge(self) -> None:
        """Have Cloudflare lead nobody here any more; asking twice is as good as once."""
        self._session.ask(Question(method="DELETE", path="/edge"))

    def _change_processes(self, question: Question, app: str) -> Operation:
        lost, look = f"the processes of {app} may or may not be about to change", f"`pvdify ps {app}` shows them"
        return self._session.ask_for(Operation, replace(question, lost=lost, look=look))

    def _make_release(self, app: str, path: str, body: dict[str, Any], key: str) -> Release:
        lost = f"{app}: the answer was lost; a new release may or may not be on its way"
        look = f"`pvdify releases {app}` shows whether it is; what was live stays live until a switch"
        question = Question(method="POST", path=path, body=body, key=key, lost=lost, look=look)
        return self._session.ask_for(Release, question)

    def _reencrypt(self, method: str, path: str, body: dict[str, Any] | None = None) -> Reencrypted:
        lost, look = "the config files may or may not be encrypted anew", "`pvdify secrets` shows for whom they are"
        return self._session.ask_for(Reencrypted, Question(method=method, path=path, body=body, lost=lost, look=look))

    def _config(self, question: Question) -> Config:
        answer = self._session.ask(question)
        live = answer.headers.get("x-live-config-version", "")
        return Config(
            version=int(answer.headers.get("x-config-version", "0")),
            live_version=int(live) if live else None,
            vars={key: self._config_var(shown) for key, shown in self._object(answer).items()},
        )

    def _config_var(self, shown: object) -> ConfigVar:
        return ConfigVar(value=shown) if isinstance(shown, str) else self._session.understand(ConfigVar, shown)

    def _follow(self, kind: type[T], question: Question, lines: int) -> Iterator[T]:
        """The last lines and what comes; after a lost connection the server begins with the last lines again."""
        recent: deque[T] = deque(maxlen=lines)
        repeated: set[T] = set()

        def open_stream(last_id: str) -> Iterator[bytes]:
            repeated.clear()
            repeated.update(recent)
            return self._session.open_stream(question, last_id)

        for event in follow(open_stream, sleep=self._session.sleep):
            if event.name != "message":
                continue
            line = self._session.understand_text(kind, event.data)
            if line not in repeated:
                recent.append(line)
                yield line

    def _list(self, kind: type[T], name: str, question: Question) -> list[T]:
        items = self._session.understand(list, self._object(self._session.ask(question)).get(name))
        return [self._session.understand(kind, item) for item in items]

    def _object(self, answer: HttpAnswer) -> dict[str, Any]:
        return self._session.understand(dict, self._session.json_of(answer))


def _path(app: str, *rest: str | int) -> str:
    return "/".join(["/apps", *(quote(str(part), safe="") for part in (app, *rest))])


def _visit_query(app: str | None, lines: int) -> dict[str, str]:
    query = {"lines": str(lines), "format": "json"}
    return query if app is None else {**query, "app": app}


def _log_query(wanted: LogFilter) -> dict[str, str]:
    query = {"format": "json"}
    if wanted.lines is not None:
        query["lines"] = str(wanted.lines)
    if wanted.since is not None:
        query["since"] = wanted.since
    if wanted.process is not None:
        query["process"] = wanted.process
    if wanted.release is not None:
        query["release"] = str(wanted.release)
    return query


def _registry(host: str) -> str:
    return f"/registries/{quote(host, safe='')}"
