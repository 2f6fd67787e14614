"""The recipes. Each comment is the fact that is true once the step is done."""

from pvdify.engine.deploys.plan import Plan
from pvdify.engine.deploys.steps import scale
from pvdify.engine.deploys.steps.admit import admit
from pvdify.engine.deploys.steps.closing import on_close
from pvdify.engine.deploys.steps.destroy import close_route, forget, remove_files, remove_instances
from pvdify.engine.deploys.steps.guard import guard
from pvdify.engine.deploys.steps.health import health
from pvdify.engine.deploys.steps.hooks import on_failure, post_deploy, pre_deploy, tidy
from pvdify.engine.deploys.steps.make_room import make_room
from pvdify.engine.deploys.steps.public import public
from pvdify.engine.deploys.steps.pull import pull
from pvdify.engine.deploys.steps.retire import drain, prune, stand_by, stop
from pvdify.engine.deploys.steps.start import start
from pvdify.engine.deploys.steps.switch import confirm, switch
from pvdify.engine.deploys.steps.workers import workers
from pvdify.model.operation import Operation, OperationKind, Strategy

DEPLOY = Plan(
    admit,        # the release may go on: not older than the live one, its hostnames are free, the machine has room
    pull,         # exactly its image is on this host
    on_failure,   # a failure will run the app's on_failure hooks, once everything below is undone
    pre_deploy,   # the app's own hooks have exited zero
    start,        # every web instance of the candidate slot runs
    health,       # each of them has answered its probe
    workers,      # the other processes run the new release, and stayed up
    switch,       # COMMIT POINT: new requests reach the candidate slot
    confirm,      # a request through the router was answered by it
    public,       # it was seen at its public address, or it was said what is in the way
    post_deploy,  # the app's own hooks have exited zero
    tidy,         # no hook container is left
    guard,        # its visitors get no more errors than the manifest allows, or a rollback is in the journal
)  # fmt: skip

# The same, but the live release is down between ``make_room`` and ``switch``: for machines with no memory for both.
DEPLOY_STOPPING_FIRST = Plan(
    admit, pull, on_failure, pre_deploy,
    make_room,    # the live release has answered its last request and stopped, and requests wait
    start, health, workers, switch, confirm, public, post_deploy, tidy, guard,
)  # fmt: skip

# The same, where both releases use a volume that one of them may use at a time: its hooks use it, too.
DEPLOY_HANDING_OVER = Plan(
    admit, pull, on_failure,
    make_room,    # the live release has answered its last request and stopped; no container of it has the volume
    pre_deploy, start, health, workers, switch, confirm, public, post_deploy, tidy, guard,
)  # fmt: skip

ROLLBACK = Plan(
    admit,        # the machine has room
    pull,         # exactly the old image is on this host, without asking a registry
    start,        # every web instance runs: taken over from standby, or started again
    health,       # each of them has answered its probe
    workers,      # the other processes run the old release, and stayed up
    switch,       # COMMIT POINT: new requests reach the old release's slot
    confirm,      # a request through the router was answered by it
    public,       # it was seen at its public address, or it was said what is in the way
)  # fmt: skip

ROLLBACK_STOPPING_FIRST = Plan(admit, pull, make_room, start, health, workers, switch, confirm, public)

SCALE = Plan(
    scale.arrange,  # names and endpoints of the instances to come are on disk
    scale.make_room,  # a web instance with a volume of its own has stopped, and requests wait for its successor
    scale.start,    # every web instance that joins runs
    scale.health,   # each of them has answered its probe
    scale.workers,  # the other processes that join run, and stayed up; of a replaced one, two never ran at once
    scale.switch,   # COMMIT POINT: new requests reach who joined, and none who leaves
    scale.stop,     # who leaves has answered its last request, stopped and gone
)  # fmt: skip

RETIRE = Plan(
    drain,        # the displaced slot has nothing in flight, or its deadline has passed
    stand_by,     # it has waited long enough for a rollback that did not come
    stop,         # COMMIT POINT: its instances have stopped and are gone
    prune,        # images that no kept release needs are gone
)  # fmt: skip

DESTROY = Plan(
    close_route,       # COMMIT POINT: the app's hostnames answer 404
    on_close,          # a preview's own commands have run
    remove_instances,  # none of its containers is left
    remove_files,      # nor its images, config and logs
    forget,            # nor its records, but for the events
)  # fmt: skip

PLANS = {
    OperationKind.DEPLOY: DEPLOY,
    OperationKind.ROLLBACK: ROLLBACK,
    OperationKind.SCALE: SCALE,
    OperationKind.RESTART: SCALE,
    OperationKind.RETIRE: RETIRE,
    OperationKind.DESTROY: DESTROY,
}
BY_STRATEGY = {
    Strategy.BLUE_GREEN: PLANS,
    Strategy.STOP_FIRST: PLANS | {
        OperationKind.DEPLOY: DEPLOY_STOPPING_FIRST, OperationKind.ROLLBACK: ROLLBACK_STOPPING_FIRST,
    },
    Strategy.HAND_OVER: PLANS | {
        OperationKind.DEPLOY: DEPLOY_HANDING_OVER, OperationKind.ROLLBACK: ROLLBACK_STOPPING_FIRST,
    },
}  # fmt: skip


def plan_of(operation: Operation) -> Plan:
    """Return the recipe for an operation; ``pull`` may change it, together with the operation's strategy."""
    return BY_STRATEGY[operation.strategy][operation.kind]
