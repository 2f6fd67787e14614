import pytest

from pvdify.adapters.kubernetes import causes, found, manifests, pods
from pvdify.model.instance import Exit, InstanceState
from tests.unit.adapters.kubernetes.objects import RUNNING, SCOPE, ended, once, pod, spec

QUOTA = 'pods "x" is forbidden: exceeded quota: pvdify, requested: pods=1, used: pods=2, limited: pods=2'


def deployment(*, replicas: int = 1, starts: int = 1, exit: str = "") -> dict:
    document = manifests.deployment(SCOPE, spec(), starts=starts)
    document["spec"]["replicas"] = replicas
    document["metadata"]["annotations"]["pvdify.win/exit"] = exit
    return document


def one(*documents: dict, of: dict | None = None):
    (instance,) = found.instances([of or deployment()], [], [pods.read(each) for each in documents])
    return instance


def test_an_instance_runs_while_its_container_does():
    instance = one(pod(state=RUNNING))

    assert (instance.state, instance.exit, instance.restarts) == (InstanceState.RUNNING, None, 0)
    assert instance.endpoint == spec().exposed.at


def test_an_instance_on_a_lost_node_does_not_run_and_will_be_restarted():
    instance = one(pod(state=RUNNING, ready="False"))

    assert (instance.state, instance.is_restarting) == (InstanceState.EXITED, True)


def test_a_crash_looping_instance_has_the_exit_of_its_last_run():
    instance = one(pod(state={"waiting": {"reason": "CrashLoopBackOff"}}, last=ended(3), restarts=4))

    assert (instance.state, instance.exit, instance.is_restarting) == (InstanceState.EXITED, Exit(code=3), True)
    assert instance.restarts == 4


def test_an_out_of_memory_kill_is_distinguished():
    assert one(pod(state=ended(137, "OOMKilled"))).exit == Exit(code=137, is_out_of_memory=True)


def test_a_stopped_instance_has_the_exit_that_the_stop_recorded():
    stopped = deployment(replicas=0, exit=found.exit_text(Exit(code=143)))

    instance = one(pod(state=ended(0), is_ending=True), of=stopped)

    assert (instance.state, instance.exit, instance.is_restarting) == (InstanceState.EXITED, Exit(code=143), False)


def test_an_instance_that_never_started_is_in_state_created():
    assert one(of=deployment(replicas=0, starts=0)).state is InstanceState.CREATED


def test_the_newest_pod_of_a_deployment_is_the_instance():
    old = pod(state=ended(0), uid="u1", is_ending=True)
    new = pod(state=RUNNING, uid="u2", made="2026-01-01T01:00:00Z")

    assert one(new, old).state is InstanceState.RUNNING
    assert pods.current([pods.read(old), pods.read(new)]).uid == "u2"


def test_a_hook_whose_pod_was_lost_has_ended_and_is_not_repeated():
    marker = manifests.marker(SCOPE, once(), is_started=True)

    (instance,) = found.instances([], [marker], [])

    assert (instance.state, instance.exit) == (InstanceState.EXITED, Exit(code=137))


def why(document: dict, of=None) -> str:
    error = causes.refusal(of or spec(), pods.read(document))
    assert error is not None
    return f"{error.why} → {error.next}"


def test_a_pull_error_that_may_be_temporary_is_waited_for():
    assert (
        causes.refusal(spec(), pods.read(pod(state={"waiting": {"reason": "ErrImagePull"}}, phase="Pending"))) is None
    )


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("CreateContainerConfigError", "failed to sync secret cache: timed out waiting for the condition"),
        ("CreateContainerError", "context deadline exceeded"),
        ("CreateContainerError", 'failed to reserve container name "app_shop_0": name is reserved'),
    ],
)
def test_a_start_that_the_kubelet_retries_is_waited_for(reason: str, message: str):
    waiting = {"waiting": {"reason": reason, "message": message}}
    assert causes.refusal(spec(), pods.read(pod(state=waiting, phase="Pending"))) is None


def test_an_invalid_container_config_is_not_waited_for():
    waiting = {"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "pvdify-shop" not found'}}
    assert causes.refusal(spec(), pods.read(pod(state=waiting, phase="Pending"))) is not None


def test_a_pull_that_is_denied_names_the_login():
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "401 Unauthorized"}}

    assert "registry:login reg.example.com" in why(pod(state=waiting, phase="Pending"))


@pytest.mark.parametrize(
    ("reason", "message", "expected"),
    [
        ("ErrImagePull", "401 Unauthorized", True),
        ("ImagePullBackOff", "dial tcp: i/o timeout", True),
        ("ErrImagePull", "manifest unknown", False),
        ("InvalidImageName", "no image name", False),
        ("ContainerCreating", "", False),
    ],
)
def test_a_failed_pull_may_succeed_later_unless_the_image_is_missing(reason: str, message: str, expected: bool):
    waiting = {"waiting": {"reason": reason, "message": message}}

    assert causes.may_be_pulled_later(pods.read(pod(state=waiting, phase="Pending")), message) is expected


def test_a_missing_program_is_named():
    words = 'exec: "/no/such": stat /no/such: no such file or directory: unknown'

    assert "no /no/such" in why(pod(state=ended(128, "StartError", words)), spec(command=("/no/such",)))
    assert "no /bin/sh" in why(pod(state=ended(128, "StartError", words)), spec(command="x"))


def test_a_program_that_ran_and_failed_has_started():
    assert causes.refusal(spec(), pods.read(pod(state=ended(3)))) is None


def test_an_unschedulable_pod_names_the_resource_and_the_amount():
    error = causes.unscheduled(spec(), "0/2 nodes are available: 2 Insufficient memory.")

    assert "no node of 2" in error.why
    assert "Insufficient memory" in error.why
    assert "64 MiB" in error.why


def test_a_full_quota_names_its_numbers():
    words = found.replica_failure({"status": {"conditions": [
        {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": QUOTA},
    ]}})  # fmt: skip
    error = causes.not_made(spec(), words)

    assert "quota pvdify" in error.why
    assert "pods=2" in error.why
    assert "kubernetes_quota" in error.next


def test_an_admission_webhook_is_named_with_its_message():
    error = causes.not_made(spec(), 'admission webhook "check.example.com" denied the request: no latest tag')

    assert "check.example.com" in error.why
    assert "no latest tag" in error.why


def test_a_start_that_takes_too_long_quotes_the_newest_warning():
    events = [
        {"type": "Warning", "reason": "FailedMount", "message": "volume is away", "lastTimestamp": "2026-01-02"},
        {"type": "Warning", "reason": "Older", "message": "old", "lastTimestamp": "2026-01-01"},
        {"type": "Normal", "reason": "Pulling", "message": "x", "lastTimestamp": "2026-01-03"},
    ]

    assert "FailedMount: volume is away" in causes.too_slow(spec(), 180, events).why
