"""Model -> wire."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict

from pvdify.engine.differences import Difference
from pvdify.engine.domains import Domain
from pvdify.engine.queries import AppView, PlacedInstance, ProcessView, ReleaseView
from pvdify.engine.runtime_logs import Writer
from pvdify.manifest.definition import Command, Manifest
from pvdify.manifest.names import readable_hostname
from pvdify.model.app import default_hostname
from pvdify.model.deploy_log import LogEntry
from pvdify.model.event import Event
from pvdify.model.instance import InstanceState, LogLine
from pvdify.model.names import environment_of
from pvdify.model.notice import Delivery, DeliveryState, Subscription
from pvdify.model.operation import Operation, StepState
from pvdify.model.preview import Preview
from pvdify.model.registry import RegistryLogin
from pvdify.model.release import Failure, Receipt, Release, SwitchCount
from pvdify.model.token import Token
from pvdify.model.visit import Visit
from pvdify.settings import Settings
from pvdify.wire import answers
from pvdify.wire import differences as wire


def url_of(app: str, settings: Settings) -> str:
    """Where visitors find the app."""
    return f"{settings.public_scheme}://{default_hostname(app, settings.base_domain)}"


def app(view: AppView, settings: Settings) -> answers.App:
    """An app."""
    live = view.live
    manifest = live.manifest if live else Manifest()
    status = "deploying" if view.is_deploying else "live" if live else "new"
    status = "stopped" if status == "live" and view.scale.is_stopped else status
    status = "maintenance" if view.app.is_in_maintenance else status
    return answers.App(
        name=view.app.name,
        environment=environment_of(view.app.name).value,
        status=status,
        image=live.image if live else None,
        release=live.version if live else None,
        url=url_of(view.app.name, settings),
        processes=_process_types(manifest, view.scale.counts(manifest)) if live else {},
        resources=manifest.resources.model_dump(mode="json"),
        healthcheck=manifest.healthcheck.model_dump(mode="json"),
        domains=list(view.hostnames),
        created_at=view.app.created_at,
        updated_at=max(view.app.updated_at, live.created_at) if live else view.app.updated_at,
    )


def differences(found: Iterable[Difference]) -> list[wire.Difference]:
    """What differs between two releases."""
    return [wire.Difference(**asdict(each)) for each in found]


def release(view: ReleaseView, settings: Settings) -> answers.Release:
    """A release with its receipt."""
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
        url=url_of(it.app, settings),
        can_roll_back=view.can_roll_back,
        previous=view.previous,
    )  # fmt: skip


def preview(
    it: Preview, newest: answers.Release | None, settings: Settings, *, is_ending: bool
) -> answers.Preview:  # fmt: skip
    """A preview with its newest release."""
    return answers.Preview(
        app=it.parent,
        pr=it.number,
        name=it.name,
        url=url_of(it.name, settings),
        status="ending" if is_ending else "open" if it.is_open else "closed",
        repository=it.repository,
        image=newest.image if newest else None,
        release=newest,
        created_at=it.created_at,
        renewed_at=it.renewed_at,
        closed_at=it.closed_at,
        ends_at=it.ends_at,
    )


def log_entry(entry: LogEntry) -> answers.LogEntry:
    """A line of a deploy log."""
    return answers.LogEntry(at=entry.at, kind=entry.kind.value, step=entry.step, text=entry.text, seconds=entry.seconds)


def log_line(line: LogLine, writer: Writer) -> answers.LogLine:
    """A line that an instance wrote."""
    return answers.LogLine(
        at=line.at, process=writer.process, number=writer.number, release=writer.release, stream=line.stream,
        text=line.text,
    )  # fmt: skip


def visit(it: Visit) -> answers.Visit:
    """A request as the router saw it end."""
    return answers.Visit(
        at=it.at, request_id=it.request_id, client=it.client, protocol=it.protocol, method=it.method, host=it.host,
        path=it.path, status=it.status, seconds=it.seconds, wait=it.wait, bytes_in=it.bytes_in,
        bytes_out=it.bytes_out, app=it.app, release=it.slot, instance=it.instance, retries=it.retries,
        ended=it.ended, agent=it.agent,
    )  # fmt: skip


def process(view: ProcessView) -> answers.Process:
    """A process type with its instances."""
    return answers.Process(
        name=view.name,
        command=_command(view.command),
        count=view.count,
        declared=view.declared,
        instances=[_instance(item) for item in view.instances],
    )


def operation(it: Operation) -> answers.Operation:
    """A change of what runs."""
    done = [step for step in it.steps if step.state is StepState.DONE]
    return answers.Operation(
        id=it.id, app=it.app, kind=it.kind.value, text=str(it.change or ""), state=it.state.value,
        created_at=it.created_at, created_by=it.created_by, finished_at=it.finished_at,
        steps=[answers.OperationStep(name=it.name, text=it.text, seconds=it.seconds or 0.0) for it in done],
        failure=_failure(it.error),
    )  # fmt: skip


def domain(it: Domain, settings: Settings) -> answers.Domain:
    """A hostname of an app."""
    return answers.Domain(
        hostname=it.hostname,
        readable=readable_hostname(it.hostname),
        origin=it.origin.value,
        url=f"{settings.public_scheme}://{it.hostname}",
    )


def token(it: Token) -> answers.Token:
    """A token without its secret."""
    return answers.Token(
        id=it.id, name=it.name, role=it.role.value, app=it.app, created_at=it.created_at,
        created_by=it.created_by, expires_at=it.expires_at, last_used_at=it.last_used_at,
    )  # fmt: skip


def registry(it: RegistryLogin) -> answers.Registry:
    """A login without its password."""
    return answers.Registry(host=it.host, username=it.username, created_at=it.created_at, created_by=it.created_by)


def notification(it: Subscription, secret: str | None = None) -> answers.Notification:
    """Who is told of what."""
    return answers.Notification(
        id=it.id, channel=it.channel.value, app=it.app, events=list(it.events), address=it.address,
        created_at=it.created_at, created_by=it.created_by, secret=secret,
    )  # fmt: skip


def delivery(it: Delivery) -> answers.Delivery:
    """What became of telling somebody something."""
    return answers.Delivery(
        id=it.id, notification=it.subscription, event=it.notice.id, action=it.notice.action, app=it.notice.app,
        release=it.notice.release, state=it.state.value, attempts=it.attempts, created_at=it.created_at,
        due_at=it.due_at if it.state is DeliveryState.PENDING else None, ended_at=it.ended_at, status=it.status,
        error=it.error,
    )  # fmt: skip


def event(it: Event) -> answers.Event:
    """Who did what."""
    return answers.Event(
        id=it.id, at=it.at, actor=it.actor, action=it.action, app=it.app, release=it.release, text=it.text
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


def _failure(it: Failure | None) -> answers.Failure | None:
    return answers.Failure(code=it.code, what=it.what, why=it.why, next=it.next) if it else None


def _receipt(it: Release, count: SwitchCount | None) -> answers.Receipt | None:
    if it.receipt is None and count is None:
        return None
    requests = answers.Requests(
        served=count.served, failed=count.router_errors, app_errors=count.app_errors, cut=count.cut,
        is_final=count.is_final,
    ) if count else None  # fmt: skip
    receipt = it.receipt or Receipt()
    steps = {name: round(seconds * 1000, 3) for name, seconds in receipt.steps.items()}
    return answers.Receipt(requests=requests, steps=steps, seconds=receipt.seconds, downtime=receipt.downtime)


def _instance(item: PlacedInstance) -> answers.Instance:
    found = item.container
    state = "missing" if found is None else "starting" if found.state is InstanceState.CREATED else found.state.value
    return answers.Instance(
        name=item.place.name,
        process=item.place.process,
        number=item.place.number,
        release=item.slot.number,
        slot=item.slot.state.value,
        state=state,
        port=item.place.host_port,
        restarts=found.restarts if found else 0,
        started_at=found.started_at if found else None,
        exit=str(found.exit) if found and found.exit else None,
        memory=item.in_use.memory if item.in_use else None,
        memory_limit=item.limits.memory if item.limits else None,
        cpu=round(item.in_use.cpu, 3) if item.in_use else None,
        cpu_limit=item.limits.cpu if item.limits else None,
        last_exit=item.last_end or None,
    )
