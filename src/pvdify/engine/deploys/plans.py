"""The plan of each kind of operation. Each comment states what is true once the step is done."""

from pvdify.engine.deploys.plan import Plan
from pvdify.engine.deploys.steps import scale
from pvdify.engine.deploys.steps.admit import admit
from pvdify.engine.deploys.steps.closing import on_close
from pvdify.engine.deploys.steps.copying import copy_volumes, spare_volumes
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
    admit,        # the release is not older than the live one, its hostnames are free, the machine has room
    pull,         # the release's image is on this host
    on_failure,   # if a later step fails, the app's on_failure hooks run after all later steps are undone
    pre_deploy,   # the app's pre_deploy hooks have exited zero
    start,        # every web instance of the candidate slot runs
    health,       # each web instance has answered its probe
    workers,      # the other processes run the new release, and stayed up
    switch,       # COMMIT POINT: new requests reach the candidate slot
    confirm,      # the candidate slot has answered a request through the router
    public,       # the release was reached at its public address, or the cause is in the deploy log
    post_deploy,  # the app's post_deploy hooks have exited zero
    tidy,         # the containers of hooks are removed
    guard,        # the error rate stayed within the manifest's limit, or a rollback is in the journal
)  # fmt: skip

# Like DEPLOY, but the live release is down from ``make_room`` to ``switch``: for machines without memory for both.
DEPLOY_STOPPING_FIRST = Plan(
    admit, pull, on_failure, pre_deploy,
    make_room,    # the live release has answered its last request and stopped; the router holds new requests
    start, health, workers, switch, confirm, public, post_deploy, tidy, guard,
)  # fmt: skip

# Like DEPLOY, if both releases use a volume that only one release may use at a time. Hooks use the volume, too.
DEPLOY_HANDING_OVER = Plan(
    admit, pull, on_failure,
    make_room,    # the live release has answered its last request and stopped; none of its containers uses the volume
    pre_deploy, start, health, workers, switch, confirm, public, post_deploy, tidy, guard,
)  # fmt: skip

ROLLBACK = Plan(
    admit,        # the machine has room
    pull,         # the old image is on this host; a registry is asked only if the image is gone
    start,        # every web instance runs: taken over from standby, or started again
    health,       # each web instance has answered its probe
    workers,      # the other processes run the old release, and stayed up
    switch,       # COMMIT POINT: new requests reach the old release's slot
    confirm,      # that slot has answered a request through the router
    public,       # the release was reached at its public address, or the cause is in the deploy log
)  # fmt: skip

ROLLBACK_STOPPING_FIRST = Plan(admit, pull, make_room, start, health, workers, switch, confirm, public)

# Moves an app to the other side, this machine or the cluster, which does not have its volumes.
ROLLBACK_MOVING = Plan(
    admit, pull,
    spare_volumes,  # no command uses the volumes; its undo removes the copies, once the live release runs again
    make_room,
    copy_volumes,   # the other side has a complete copy of each volume, and nothing has used it
    start, health, workers,
    switch,         # COMMIT POINT: the copies are the app's volumes, and those that they replace are in the trash
    confirm, public,
)  # fmt: skip

SCALE = Plan(
    scale.arrange,  # names and endpoints of the joining instances are on disk
    scale.make_room,  # web instances with an exclusive volume have stopped, and requests wait for their successors
    scale.start,    # every joining web instance runs
    scale.health,   # each joining web instance has answered its probe
    scale.workers,  # the other joining instances run, and stayed up; what they replace had stopped, without ``overlap``
    scale.switch,   # COMMIT POINT: new requests reach the joined instances, and not the leaving ones
    scale.stop,     # leaving instances have answered their last request, and are stopped and removed
)  # fmt: skip

RETIRE = Plan(
    drain,        # the displaced slot has no request in flight, or its deadline has passed
    stand_by,     # the time during which a rollback can take over the slot has passed
    stop,         # COMMIT POINT: the slot's instances are stopped and removed
    prune,        # images that no kept release needs are removed
)  # fmt: skip

DESTROY = Plan(
    close_route,       # COMMIT POINT: the app's hostnames answer 404
    on_close,          # the preview's on_close commands have run
    remove_instances,  # all of the app's containers are removed
    remove_files,      # the pins of its images, its config and its logs are removed
    forget,            # its records are deleted, except the events
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
    Strategy.MOVE: PLANS | {OperationKind.ROLLBACK: ROLLBACK_MOVING},
}  # fmt: skip


def plan_of(operation: Operation) -> Plan:
    """Return the plan of an operation; the step ``pull`` may change the operation's strategy, and so its plan."""
    return BY_STRATEGY[operation.strategy][operation.kind]
