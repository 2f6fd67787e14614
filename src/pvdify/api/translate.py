"""Conversion of the engine's records to the wire types of the API. Pure functions."""

from collections.abc import Iterable, Mapping

from pvdify.api.copying import Copying
from pvdify.engine.access.config_files import Imported
from pvdify.engine.edge.domains import Domain
from pvdify.engine.previews.previews import PreviewView
from pvdify.engine.reading.differences import Difference
from pvdify.engine.reading.processes import PlacedInstance, ProcessView
from pvdify.engine.reading.runtime_logs import Writer
from pvdify.engine.reading.server import Check
from pvdify.engine.reading.views import AppView, ReleaseView
from pvdify.engine.state.jobs.jobs import JobView
from pvdify.engine.state.volumes import VolumeView
from pvdify.manifest.definition import Command, Manifest
from pvdify.manifest.names import readable_hostname
from pvdify.model.config import ConfigVersion
from pvdify.model.deploy_log import LogEntry
from pvdify.model.edge import EdgeProblem
from pvdify.model.endpoint import NO_ROUTE
from pvdify.model.event import Event
from pvdify.model.grant import Grant
from pvdify.model.instance import InstanceState, LogLine
from pvdify.model.job import JobRun
from pvdify.model.link import Link
from pvdify.model.names import environment_of
from pvdify.model.notice import Delivery, DeliveryState, Subscription
from pvdify.model.operation import Operation, StepState
from pvdify.model.registry import RegistryLogin
from pvdify.model.release import Failure, Receipt, Release, SwitchCount
from pvdify.model.status import Status
from pvdify.model.token import Token
from pvdify.model.urls import Urls
from pvdify.model.user import Session, User
from pvdify.model.visit import Visit
from pvdify.ports.secrets import Recipient
from pvdify.settings import Settings
from pvdify.wire import answers
from pvdify.wire import differences as wire

failure = Copying(Failure, answers.Failure)
token = Copying(Token, answers.Token)
registry = Copying(RegistryLogin, answers.Registry)
event = Copying(Event, answers.Event)
log_entry = Copying(LogEntry, answers.LogEntry)
job_run = Copying(JobRun, answers.JobRun)
difference = Copying(Difference, wire.Difference)
check = Copying(Check, answers.Check)
_user = Copying(User, answers.User, "is_invited")
edge_problem = Copying(EdgeProblem, answers.EdgeProblem)
recipient = Copying(Recipient, answers.Recipient)
session = Copying(Session, answers.Session)
config_version = Copying(ConfigVersion, answers.ConfigVersion, "set", "unset")
_imported = Copying(Imported, answers.ImportedConfig, "set", "unset")
_new_token = Copying(Token, answers.NewToken, "token")
_notification = Copying(Subscription, answers.Notification, "secret")
_delivery = Copying(Delivery, answers.Delivery, "notification", "event", "action", "app", "release", "due_at")
_visit = Copying(Visit, answers.Visit, "release")
_log_line = Copying(LogLine, answers.LogLine, "process", "number", "release")
_grant = Copying(Grant, answers.DomainGrant, "hostname")
_link = Copying(Link, answers.Link, "previews")


def app(view: AppView, urls: Urls) -> answers.App:
    """Convert an app. Without a live release it has no image, release and processes."""
    live = view.live
    manifest = live.manifest if live else Manifest()
    return answers.App(
        name=view.app.name,
        environment=environment_of(view.app.name).value,
        status=view.status.word.value,
        status_cause=view.status.cause,
        status_since=view.status.since,
        image=live.image if live else None,
        release=live.version if live else None,
        url=urls.of_app(view.app.name, live.manifest if live else None),
        processes=_process_types(manifest, view.scale.counts(manifest)) if live else {},
        resources=manifest.resources.model_dump(mode="json"),
        healthcheck=manifest.healthcheck.model_dump(mode="json"),
        domains=list(view.hostnames),
        created_at=view.app.created_at,
        updated_at=max(view.app.updated_at, live.created_at) if live else view.app.updated_at,
    )


def release(view: ReleaseView, urls: Urls) -> answers.Release:
    """Convert a release with its receipt."""
    it = view.release
    return answers.Release(
        app=it.app,
        version=it.version,
        image=it.image,
        digest=it.digest,
        config_version=it.config_version,
        status=it.status.value,
        created_at=it.created_at,
        created_by=it.created_by,
        description=it.description,
        commit=it.source.commit,
        branch=it.source.branch,
        run_number=it.source.run_number,
        failure=_failure(it.failure),
        receipt=_receipt(it, view.count),
        url=urls.of_app(it.app, it.manifest),
        can_roll_back=view.can_roll_back,
        previous=view.previous,
    )  # fmt: skip


def preview(view: PreviewView, urls: Urls) -> answers.Preview:
    """Convert a preview with its newest release."""
    it, newest = view.preview, release(view.newest, urls) if view.newest else None
    return answers.Preview(
        app=it.parent,
        pr=it.number,
        name=it.name,
        url=newest.url if newest else urls.of_app(it.name),
        status="ending" if view.is_ending else "open" if it.is_open else "closed",
        repository=it.repository,
        image=newest.image if newest else None,
        release=newest,
        created_at=it.created_at,
        renewed_at=it.renewed_at,
        closed_at=it.closed_at,
        ends_at=it.ends_at,
    )


def imported(it: Imported) -> answers.ImportedConfig:
    """Convert the changes that an import or a rollback made to a config."""
    return _imported(it, set=list(it.set_keys), unset=list(it.unset_keys))


def new_token(it: Token, text: str) -> answers.NewToken:
    """Convert a new token with its secret, which is shown only once."""
    return _new_token(it, token=text)


def notification(it: Subscription, secret: str | None = None) -> answers.Notification:
    """Convert a notification; ``secret``: its signing key, only in the answer that creates it."""
    return _notification(it, secret=secret)


def delivery(it: Delivery) -> answers.Delivery:
    """Convert a delivery; it has a due time only while it is pending."""
    notice, due = it.notice, it.due_at if it.state is DeliveryState.PENDING else None
    return _delivery(
        it, notification=it.subscription, event=notice.id, action=notice.action.value, app=notice.app,
        release=notice.release, due_at=due,
    )  # fmt: skip


def visit(it: Visit) -> answers.Visit:
    """Convert an entry of the access log."""
    return _visit(it, release=it.slot)


def log_line(line: LogLine, writer: Writer) -> answers.LogLine:
    """Convert a line of an instance's output."""
    return _log_line(line, process=writer.process, number=writer.number, release=writer.release)


def grant(it: Grant) -> answers.DomainGrant:
    """Convert the grant of a hostname to an app."""
    return _grant(it, hostname=it.name)


def user(it: User) -> answers.User:
    """Convert a dashboard user."""
    return _user(it, is_invited=bool(it.invitation))


def link(it: Link) -> answers.Link:
    """Convert the link between an app and a repository whose workflows may deploy it."""
    return _link(it, previews=it.allows_previews)


def app_status(app: str, it: Status) -> answers.AppStatus:
    """Convert an app's status."""
    return answers.AppStatus(app=app, status=it.word.value, status_cause=it.cause, status_since=it.since)


def differences(found: Iterable[Difference]) -> list[wire.Difference]:
    """Convert the differences between two releases."""
    return [difference(it) for it in found]


def _failure(it: Failure | None) -> answers.Failure | None:
    return failure(it) if it else None


def process(view: ProcessView) -> answers.Process:
    """Convert a process with its instances."""
    return answers.Process(
        name=view.name,
        command=_command(view.command),
        count=view.count,
        declared=view.declared,
        instances=[_instance(item) for item in view.instances],
        affinity=view.affinity,
    )


def operation(it: Operation) -> answers.Operation:
    """Convert an operation with its finished steps."""
    done = [step for step in it.steps if step.state is StepState.DONE]
    return answers.Operation(
        id=it.id, app=it.app, kind=it.kind.value, text=str(it.change or ""), state=it.state.value,
        created_at=it.created_at, created_by=it.created_by, finished_at=it.finished_at,
        steps=[answers.OperationStep(name=it.name, text=it.text, seconds=it.seconds or 0.0) for it in done],
        failure=_failure(it.error),
    )  # fmt: skip


def domain(it: Domain, urls: Urls) -> answers.Domain:
    """Convert a hostname of an app."""
    return answers.Domain(
        hostname=it.hostname,
        readable=readable_hostname(it.hostname),
        origin=it.origin.value,
        url=urls.of(it.hostname),
    )


def _process_types(manifest: Manifest, counts: Mapping[str, int]) -> dict[str, answers.ProcessType]:
    return {
        name: answers.ProcessType(
            command=_command(declared.command),
            count=counts[name],
            memory=manifest.limits_of(name).memory,
            cpu=manifest.limits_of(name).cpu,
        )
        for name, declared in manifest.processes.items()
    }


def _command(command: Command | None) -> str | list[str] | None:
    return list(command) if isinstance(command, tuple) else command


def _receipt(it: Release, count: SwitchCount | None) -> answers.Receipt | None:
    if it.receipt is None and count is None:
        return None
    requests = answers.Requests(
        served=count.served, failed=count.router_errors, app_errors=count.app_errors, cut=count.cut,
        is_final=count.is_final,
    ) if count else None  # fmt: skip
    receipt = it.receipt or Receipt()
    steps = {name: round(seconds * 1000, 3) for name, seconds in receipt.steps.items()}
    return answers.Receipt(
        requests=requests, steps=steps, seconds=receipt.seconds, held=receipt.held, downtime=receipt.downtime
    )


def _instance(item: PlacedInstance) -> answers.Instance:
    found, endpoint = item.container, item.place.endpoint
    state = "missing" if found is None else "starting" if found.state is InstanceState.CREATED else found.state.value
    return answers.Instance(
        name=item.place.name,
        process=item.place.process,
        number=item.place.number,
        release=item.slot.number,
        slot=item.slot.state.value,
        state=state,
        host=None if endpoint is NO_ROUTE else endpoint.host,
        port=None if endpoint is NO_ROUTE else endpoint.port or None,
        restarts=found.restarts if found else 0,
        started_at=found.started_at if found else None,
        exit=str(found.exit) if found and found.exit else None,
        memory=item.in_use.memory if item.in_use else None,
        memory_limit=item.limits.memory if item.limits else None,
        cpu=round(item.in_use.cpu, 3) if item.in_use else None,
        cpu_limit=item.limits.cpu if item.limits else None,
        last_exit=item.last_end or None,
        problem=item.problem or None,
    )


def volume(view: VolumeView, settings: Settings) -> answers.Volume:
    """Convert a volume; ``deleted_at`` is when the trash deletes it."""
    stored, declared = view.volume, view.declared
    state = "trash" if stored.is_trashed else "unused" if declared is None else "used"
    return answers.Volume(
        name=stored.name,
        state=state,
        path=declared.path if declared else None,
        processes=list(view.processes),
        shared=declared is not None and declared.shared,
        size=view.size,
        created_at=stored.created_at,
        trashed_at=stored.trashed_at,
        deleted_at=stored.trashed_at + settings.trash if stored.trashed_at else None,
        last_backup_at=view.last_backup,
    )


def job(view: JobView) -> answers.Job:
    """Convert a scheduled job."""
    record = view.record
    return answers.Job(
        name=view.name,
        schedule=view.job.schedule,
        time_zone=view.job.time_zone,
        command=view.job.command if isinstance(view.job.command, str) else list(view.job.command),
        timeout=view.job.timeout,
        overlap=view.job.overlap,
        catch_up=view.job.catch_up,
        is_paused=record.is_paused if record else False,
        paused_by=record.paused_by if record else "",
        is_running=view.is_running,
        is_overdue=record.is_overdue if record else False,
        next_due_at=view.next_due,
        last_success_at=record.last_success if record else None,
        last=job_run(view.last) if view.last else None,
    )
