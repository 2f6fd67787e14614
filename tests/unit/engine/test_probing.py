"""How an instance is probed for readiness, and how a failed probe is explained."""

from dataclasses import replace

from pvdify.model.probe import Answer, ProbeResult
from pvdify.model.release import Failure, Release, ReleaseStatus
from pvdify.model.slot import Slot, SlotState
from tests.fakes.behaviour import Behaviour
from tests.fakes.machine import Daemon, Machine
from tests.fakes.places import at

IMAGE = "reg.example.com/shop:v1"
WEB = "pvdify-shop-web-v1-1"


async def deploy(behaviour: Behaviour, **healthcheck: object) -> tuple[Machine, Daemon, Release]:
    machine = Machine()
    machine.registry.push(IMAGE)
    machine.supervisor.script(behaviour)
    daemon = machine.daemon()
    return machine, daemon, await daemon.deploy(image=IMAGE, manifest={"healthcheck": healthcheck})


def failure_of(release: Release) -> Failure:
    assert release.failure is not None
    return release.failure


async def test_every_probe_asks_with_the_apps_own_hostname():
    machine, daemon, release = await deploy(Behaviour(hosts=frozenset({"shop.example.com"})))
    await daemon.liveness.probe_all()
    machine.supervisor.crash(WEB)
    await daemon.reconciler.reconcile()
    await machine.clock.sleep(3)
    await daemon.reconciler.reconcile()

    assert release.status is ReleaseStatus.ACTIVE
    assert set(machine.prober.hostnames) == {"shop.example.com"}
    assert len(machine.prober.hostnames) >= 3
    await daemon.bury()


async def test_the_probes_hostname_can_be_set():
    machine, daemon, release = await deploy(Behaviour(hosts=frozenset({"shop.org"})), host="shop.org")

    assert release.status is ReleaseStatus.ACTIVE
    assert set(machine.prober.hostnames) == {"shop.org"}
    await daemon.bury()


async def test_a_host_dependent_refusal_is_explained():
    _, daemon, release = await deploy(Behaviour(hosts=frozenset({"localhost"}), unknown_host_status=403))

    why = failure_of(release).why
    assert why.startswith("it answered 403 to the Host shop.example.com and 200 to the Host localhost")
    assert "ALLOWED_HOSTS" in why
    await daemon.bury()


async def test_a_hostname_that_was_added_by_hand_is_tried_as_well():
    machine = Machine()
    machine.registry.push(IMAGE)
    daemon = machine.daemon()
    await daemon.deploy(image=IMAGE)
    app = await machine.store.app("shop")
    assert app is not None
    await machine.store.save(replace(app, domains=("shop.org",)))
    machine.supervisor.script(Behaviour(hosts=frozenset({"shop.org"})))

    release = await daemon.deploy(image=IMAGE)

    assert "and 200 to the Host shop.org: it accepts only hostnames" in failure_of(release).why
    await daemon.bury()


async def test_a_400_names_the_host_that_was_asked_although_no_other_is_known_to_be_accepted():
    _, daemon, release = await deploy(Behaviour(hosts=frozenset({"elsewhere.test"})))

    why = failure_of(release).why
    assert why.startswith("it answered 400 to the Host shop.example.com; if it accepts only hostnames that it knows")
    await daemon.bury()


async def test_a_host_independent_refusal_is_not_explained_as_one():
    _, daemon, release = await deploy(Behaviour(status=403))

    assert failure_of(release).why == "it answered 403"
    await daemon.bury()


async def test_a_slow_start_names_its_time_limit_and_how_to_raise_it():
    _, daemon, release = await deploy(Behaviour(listens_after=70.0))

    failure = failure_of(release)
    assert failure.what.endswith("did not answer GET /health with 2xx within 50 s (interval 5s × retries 10)")
    assert "`healthcheck: {start_period: 1m40s}` in pvdify.yml" in failure.next
    await daemon.bury()


async def test_a_start_period_extends_the_time_limit():
    _, daemon, release = await deploy(Behaviour(listens_after=70.0), start_period="1m40s")

    assert release.status is ReleaseStatus.ACTIVE
    await daemon.bury()


async def test_an_instance_that_is_ready_late_is_found_ready_within_a_second():
    machine, daemon, release = await deploy(Behaviour(listens_after=20.1), interval="10s")

    assert release.status is ReleaseStatus.ACTIVE
    operation = await machine.store.operation("shop-v1")
    assert operation is not None
    healthy = operation.step("health").seconds
    assert healthy is not None
    assert 20.1 <= healthy <= 21.2
    await daemon.bury()


async def test_an_instance_that_was_started_again_may_take_as_long_as_at_its_deploy():
    machine, daemon, _ = await deploy(Behaviour(), start_period="5m")
    machine.supervisor.script(Behaviour(listens_after=240.0))
    liveness = daemon.liveness
    machine.supervisor.crash(WEB)
    await daemon.reconciler.reconcile()

    for _ in range(6):
        await liveness.probe_all()
        await machine.clock.sleep(30)

    assert machine.supervisor.running == {WEB}
    await daemon.bury()


async def test_an_instance_has_to_stay_up_for_the_settle_time():
    crashing = Behaviour(exit_code=1, exit_after=6.0)

    _, quick, accepted = await deploy(crashing)
    _, careful, refused = await deploy(crashing, settle="10s")

    assert accepted.status is ReleaseStatus.ACTIVE
    assert failure_of(refused).what.startswith("shop v1: web.1 exited with code 1 before it was healthy")
    await quick.bury()
    await careful.bury()


async def test_after_the_settle_time_an_instance_is_probed_again():
    machine = Machine()
    machine.registry.push(IMAGE)
    machine.prober.script(3001, 200, ProbeResult(answer=Answer.TIMEOUT), 200)
    daemon = machine.daemon()

    release = await daemon.deploy(image=IMAGE, manifest={"healthcheck": {"settle": "2s"}})

    assert release.status is ReleaseStatus.ACTIVE
    assert machine.prober.probed[:4] == [(at(3001), "/health")] * 4
    await daemon.bury()


async def test_an_app_that_listens_for_ipv6_only_is_reported():
    machine = Machine()
    machine.registry.push(IMAGE)
    machine.supervisor.script(Behaviour(listens_on="::"))
    machine.prober.script(3001, ProbeResult(answer=Answer.REFUSED))
    daemon = machine.daemon()

    release = await daemon.deploy(image=IMAGE)

    why = "it listens on [::]:8080 for IPv6 only; it must listen on 0.0.0.0:8080 as well"
    assert failure_of(release).why == why
    await daemon.bury()


async def test_an_app_is_healthy_some_milliseconds_after_it_listens():
    _, daemon, release = await deploy(Behaviour(listens_after=0.342))

    assert release.receipt is not None
    assert 0.342 <= release.receipt.steps["health"] <= 0.352
    await daemon.bury()


async def test_an_app_that_listens_and_is_not_healthy_is_asked_in_growing_pauses():
    machine, daemon, release = await deploy(Behaviour(healthy_after=1.0))

    assert release.status is ReleaseStatus.ACTIVE
    assert len(machine.prober.probed) <= 8
    await daemon.bury()


async def test_an_app_that_takes_long_to_listen_is_asked_in_growing_pauses_after_a_second():
    machine, daemon, release = await deploy(Behaviour(listens_after=8))

    assert release.status is ReleaseStatus.ACTIVE
    assert len(machine.prober.probed) <= 1000 / 5 + 20
    await daemon.bury()


async def test_a_rollback_to_a_release_on_standby_probes_each_of_its_instances_once():
    machine, daemon, _ = await deploy(Behaviour())
    machine.registry.push("reg.example.com/shop:v2")
    await daemon.deploy(image="reg.example.com/shop:v2")
    (standby,) = [slot for slot in await machine.store.slots("shop") if slot.number == 1]
    before = len(machine.prober.probed)

    release = await daemon.rollback()

    assert release.slot == 1
    assert [endpoint for endpoint, _ in machine.prober.probed[before:]] == list(standby.endpoints)
    await daemon.bury()


async def test_instances_on_standby_are_probed_again_after_others_had_to_start():
    machine, daemon, _ = await deploy(Behaviour())
    machine.registry.push("reg.example.com/shop:v2")
    await daemon.deploy(image="reg.example.com/shop:v2")
    await daemon.scale(web=2)
    (standby,) = [slot for slot in await machine.store.slots("shop") if slot.number == 1]
    before = len(machine.prober.probed)

    release = await daemon.rollback()

    probed = [endpoint for endpoint, _ in machine.prober.probed[before:]]
    assert release.slot == 1
    assert len(set(probed)) == 2
    assert probed.count(standby.endpoints[0]) == 2
    await daemon.bury()


async def test_an_instance_on_standby_that_ends_after_its_probe_gets_no_visitors():
    machine, daemon, _ = await deploy(Behaviour())
    machine.registry.push("reg.example.com/shop:v2")
    await daemon.deploy(image="reg.example.com/shop:v2")
    save = machine.store.save

    async def ends_meanwhile(*records: object) -> None:
        await save(*records)  # type: ignore[arg-type]
        if any(isinstance(each, Slot) and each.state is SlotState.CANDIDATE for each in records):
            machine.supervisor.crash(WEB)

    machine.store.save = ends_meanwhile  # type: ignore[method-assign] - the moment is the point
    release = await daemon.rollback()

    assert release.status is ReleaseStatus.FAILED
    assert failure_of(release).code == "probe-failed"
    assert (await daemon.queries.app("shop")).live.version == 2  # type: ignore[union-attr]
    await daemon.bury()
