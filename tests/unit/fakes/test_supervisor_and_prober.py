import pytest

from pvdify.errors import RuntimeUnavailable, StartFailed
from pvdify.model.endpoint import NO_ROUTE, Exposed
from pvdify.model.instance import Exit, InstanceSpec, InstanceState, Limits
from pvdify.model.probe import Answer
from tests.fakes.behaviour import Behaviour
from tests.fakes.clock import FakeClock
from tests.fakes.places import at
from tests.fakes.prober import FakeProber
from tests.fakes.supervisor import FakeSupervisor


def spec(name: str = "pvdify-shop-web-v1-1", **parts) -> InstanceSpec:
    known = {"app": "shop", "process": "web", "slot": 1, "number": 1, "image_id": "image"}
    return InstanceSpec(
        name=name, limits=Limits(memory=2**26), **(known | {"exposed": Exposed(port=8080, at=at(3001))} | parts)
    )


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def supervisor(clock: FakeClock) -> FakeSupervisor:
    return FakeSupervisor(clock=clock)


async def test_a_scripted_exit_happens_at_its_time(clock, supervisor):
    supervisor.script(Behaviour(exit_code=3, exit_after=2.0, lines=("no database",)), process="web")

    await supervisor.start(spec())
    ended = await supervisor.wait("pvdify-shop-web-v1-1")

    assert (ended, clock.monotonic()) == (Exit(code=3), 2.0)
    (found,) = await supervisor.find()
    assert found.state is InstanceState.EXITED
    assert [line.text for line in await supervisor.tail([found.name], 10)] == ["no database"]


async def test_a_script_for_one_start_is_replaced_by_the_one_before(supervisor):
    supervisor.script(Behaviour(refuse="no such file"), starts=1)

    with pytest.raises(StartFailed) as failure:
        await supervisor.start(spec())
    await supervisor.start(spec())

    assert failure.value.why == "no such file"
    assert supervisor.running == {"pvdify-shop-web-v1-1"}


async def test_a_call_can_fail_after_its_effect(supervisor):
    supervisor.fail_next("start", RuntimeUnavailable("podman does not answer"), after_doing_it=True)

    with pytest.raises(RuntimeUnavailable):
        await supervisor.start(spec())

    assert supervisor.running == {"pvdify-shop-web-v1-1"}


async def test_executions_are_counted_by_command(supervisor):
    supervisor.script(Behaviour(exit_code=0), command="migrate")

    await supervisor.start(spec("hook", command="migrate", exposed=NO_ROUTE))
    await supervisor.start(spec())

    assert supervisor.executions("migrate") == 1


async def test_probes_reach_the_containers_behaviour(clock, supervisor):
    prober = FakeProber(clock=clock, supervisor=supervisor)
    supervisor.script(Behaviour(listens_after=1, healthy_after=2, statuses={"/up": 404}))
    await supervisor.start(spec())

    refused = await prober.probe(at(3001), "/", timeout=1)
    await clock.sleep(1)
    starting = await prober.probe(at(3001), "/", timeout=1)
    await clock.sleep(1)
    healthy = await prober.probe(at(3001), "/", timeout=1)
    missing = await prober.probe(at(3001), "/up", timeout=1)

    assert refused.answer is Answer.REFUSED
    assert [starting.status, healthy.status, missing.status] == [503, 200, 404]


async def test_a_program_listening_on_loopback_refuses_outside_connections(clock, supervisor):
    prober = FakeProber(clock=clock, supervisor=supervisor)
    supervisor.script(Behaviour(listens_on="127.0.0.1"))
    await supervisor.start(spec())

    result = await prober.probe(at(3001), "/", timeout=1)

    assert result.answer is Answer.REFUSED
    assert [it.is_loopback_only for it in await supervisor.listeners("pvdify-shop-web-v1-1")] == [True]
