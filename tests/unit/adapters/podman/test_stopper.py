"""When each process gets the stop signal, on tables of processes."""

import signal

import pytest

from pvdify.adapters.podman.stopper import LONGEST_SETTLE_SECONDS, SETTLE_SECONDS, Order, Process, Stop

HANDLES_SIGTERM = (1 << (signal.SIGTERM - 1), 0)
IGNORES_SIGTERM = (0, 1 << (signal.SIGTERM - 1))
PYTHON, SH = "/usr/bin/python3", "/bin/dash"
GRACE = 10.0
INIT = Process(1, parent=99, program="/usr/bin/catatonit", arguments=("/run/podman-init", "--"))
TERM, STOP, CONT, KILL = "TERM", "STOP", "CONT", "KILL"


def process(pid: int, parent: int, program: str = PYTHON, **parts) -> Process:
    return Process(pid, parent=parent, program=program, **parts)


def suspended(each: Process) -> Process:
    return Process(
        each.pid, parent=each.parent, program=each.program, arguments=each.arguments, stack=each.stack,
        handling=each.handling, state="T",
    )  # fmt: skip


def stop_of(number: int = signal.SIGTERM) -> Stop:
    return Stop(first=1, number=number, seconds=GRACE)


def shown(orders: list[Order]) -> list[tuple[int, str]]:
    return [(each.pid, signal.Signals(number).name.removeprefix("SIG")) for each, number in orders]


def test_the_init_and_a_shell_wait_suspended_while_the_program_finishes():
    shell, program = process(2, 1, SH), process(3, 2, handling=HANDLES_SIGTERM)
    stop = stop_of()

    begun = shown(stop.orders([INIT, shell, program], 0.0))
    finishing = shown(stop.orders([suspended(INIT), suspended(shell), program], 1.0))
    finished = shown(stop.orders([suspended(INIT), suspended(shell)], 2.0))
    alone = shown(stop.orders([suspended(INIT)], 2.1))

    assert begun == [(1, STOP), (2, STOP), (3, TERM)]
    assert finishing == []
    assert finished == [(2, TERM), (2, CONT)]
    assert alone == [(1, TERM), (1, CONT)]


def test_a_pipe_reader_gets_time_to_read_the_programs_last_output():
    shell, program, cat = process(2, 1, SH), process(3, 2, handling=HANDLES_SIGTERM), process(4, 2, "/bin/cat")
    held, stop = [suspended(INIT), suspended(shell)], stop_of()

    begun = shown(stop.orders([INIT, shell, program, cat], 0.0))
    reading = shown(stop.orders([*held, cat], 1.0))
    stuck = shown(stop.orders([*held, cat], 1.0 + SETTLE_SECONDS))

    assert (4, TERM) not in begun
    assert reading == []
    assert sorted(stuck) == [(2, CONT), (2, TERM), (4, TERM)]


def test_a_busy_pipe_reader_gets_more_time():
    shell, program = process(2, 1, SH), process(3, 2, handling=HANDLES_SIGTERM)
    held, stop = [suspended(INIT), suspended(shell)], stop_of()
    asleep, at_work = process(4, 2, "/bin/cat"), process(4, 2, "/bin/cat", state="R")

    stop.orders([INIT, shell, program, asleep], 0.0)
    for now in (1.0, 2.0, 3.0):
        assert shown(stop.orders([*held, at_work], now)) == []
    assert shown(stop.orders([*held, asleep], 3.0 + SETTLE_SECONDS / 2)) == []
    assert (4, TERM) in shown(stop.orders([*held, asleep], 3.0 + SETTLE_SECONDS))


def test_a_pipe_reader_that_never_idles_is_stopped():
    busy, program = process(4, 1, "/bin/gzip", state="R"), process(3, 1, handling=HANDLES_SIGTERM)
    stop = stop_of()
    stop.orders([INIT, program, busy], 0.0)

    assert shown(stop.orders([suspended(INIT), busy], 1.0)) == []
    assert shown(stop.orders([suspended(INIT), busy], 1.0 + LONGEST_SETTLE_SECONDS)) == [(4, TERM)]


def test_processes_without_a_handler_are_killed_at_once_if_no_other_runs():
    stop = stop_of()

    orders = shown(stop.orders([INIT, process(2, 1, SH), process(3, 2, "/bin/sleep")], 0.0))

    assert sorted(orders) == [(2, TERM), (3, TERM)]


def test_a_suspended_shell_is_resumed_when_its_parent_waits_for_it():
    """npm handles the signal and waits for a shell, which waits for the program."""
    npm, shell, program = (
        process(2, 1, handling=HANDLES_SIGTERM),
        process(3, 2, SH),
        process(4, 3, handling=HANDLES_SIGTERM),
    )
    stop = stop_of()
    stop.orders([INIT, npm, shell, program], 0.0)

    orders = shown(stop.orders([suspended(INIT), npm, suspended(shell)], 1.0))

    assert orders == [(3, TERM), (3, CONT)]


def test_workers_of_a_pool_are_left_to_their_parent_until_it_has_ended():
    parent = process(2, 1, handling=HANDLES_SIGTERM, stack=7)
    worker = process(3, 2, handling=(HANDLES_SIGTERM[0] | 1, 0), stack=7)
    orphan = process(3, 1, handling=(HANDLES_SIGTERM[0] | 1, 0), stack=7)
    stop = stop_of()

    begun = shown(stop.orders([INIT, parent, worker], 0.0))
    left = shown(stop.orders([suspended(INIT), orphan], 1.0))

    assert begun == [(1, STOP), (2, TERM)]
    assert left == [(3, TERM)]


@pytest.mark.parametrize(
    "child",
    [
        process(3, 2, handling=HANDLES_SIGTERM, stack=7),  # has its parent's handlers still
        process(3, 2, handling=(HANDLES_SIGTERM[0] | 1, 0), stack=8),  # has executed a program of its own
    ],
)
def test_children_that_are_not_a_pool_get_the_signal_at_once(child):
    parent = process(2, 1, handling=HANDLES_SIGTERM, stack=7)

    orders = shown(stop_of().orders([INIT, parent, child], 0.0))

    assert orders == [(1, STOP), (2, TERM), (3, TERM)]


def test_workers_left_to_a_parent_get_the_signal_before_the_grace_period_ends():
    parent = process(2, 1, handling=HANDLES_SIGTERM, stack=7)
    worker = process(3, 2, handling=(HANDLES_SIGTERM[0] | 1, 0), stack=7)
    stop = stop_of()
    stop.orders([INIT, parent, worker], 0.0)

    assert shown(stop.orders([suspended(INIT), parent, worker], GRACE - 1)) == []
    assert shown(stop.orders([suspended(INIT), parent, worker], GRACE - 0.4)) == [(3, TERM)]


def test_processes_started_by_a_signal_handler_are_not_signalled():
    script, cleaning = process(2, 1, SH, handling=HANDLES_SIGTERM), process(3, 2, handling=HANDLES_SIGTERM)
    stop = stop_of()
    stop.orders([INIT, script], 0.0)

    assert shown(stop.orders([suspended(INIT), script, cleaning], 0.5)) == []


def test_children_of_a_shell_that_ignores_the_signal_are_stopped():
    shell, program, late = (
        process(2, 1, SH),
        process(3, 2, handling=HANDLES_SIGTERM),
        process(4, 2, handling=HANDLES_SIGTERM),
    )
    stop = stop_of()
    stop.orders([INIT, shell, program], 0.0)

    assert shown(stop.orders([suspended(INIT), suspended(shell), program, late], 0.1)) == [(4, TERM)]


def test_a_process_that_calls_exec_gets_the_signal_again():
    before, after = process(2, 1, handling=HANDLES_SIGTERM), process(2, 1, "/usr/bin/ruby", handling=HANDLES_SIGTERM)
    stop = stop_of()
    stop.orders([INIT, before], 0.0)

    assert shown(stop.orders([suspended(INIT), before], 0.1)) == []
    assert shown(stop.orders([suspended(INIT), after], 0.2)) == [(2, TERM)]


def test_process_1_without_a_handler_is_killed_once_it_is_alone():
    shell, program = process(1, 99, SH), process(2, 1, handling=HANDLES_SIGTERM)
    stop = stop_of()

    assert shown(stop.orders([shell, program], 0.0)) == [(1, STOP), (2, TERM)]
    assert shown(stop.orders([suspended(shell)], 1.0)) == [(1, KILL)]


def test_a_process_that_ignores_the_signal_is_waited_for():
    stubborn, child = process(2, 1, SH, handling=IGNORES_SIGTERM), process(3, 2, "/bin/sleep", handling=IGNORES_SIGTERM)
    stop = stop_of()

    assert shown(stop.orders([INIT, stubborn, child], 0.0)) == [(1, STOP), (2, TERM), (3, TERM)]
    assert shown(stop.orders([suspended(INIT), stubborn, child], 9.0)) == []


def test_dumb_init_with_a_rewritten_signal_forwards_it_itself():
    rewriting = process(
        1, 99, "/usr/bin/dumb-init", arguments=("dumb-init", "--rewrite", "15:3"), handling=IGNORES_SIGTERM
    )

    orders = shown(stop_of().orders([rewriting, process(2, 1, handling=HANDLES_SIGTERM)], 0.0))

    assert orders == [(1, TERM)]


def test_an_operators_shell_in_the_container_is_not_waited_for():
    program, visitor = process(2, 1, handling=HANDLES_SIGTERM), process(50, 4711, SH, handling=IGNORES_SIGTERM)
    stop = stop_of()
    stop.orders([INIT, program, visitor], 0.0)

    assert shown(stop.orders([suspended(INIT), visitor], 1.0)) == [(1, TERM), (1, CONT)]


def test_an_interrupted_stop_is_resumed_with_processes_still_suspended():
    held = [suspended(INIT), suspended(process(2, 1, SH)), process(3, 2, handling=HANDLES_SIGTERM)]
    stop = stop_of()

    assert shown(stop.orders(held, 0.0)) == [(3, TERM)]
    assert shown(stop.orders(held[:2], 1.0)) == [(2, TERM), (2, CONT)]
    assert shown(stop.orders(held[:1], 1.1)) == [(1, TERM), (1, CONT)]


def test_a_signal_that_does_nothing_by_default_kills_nothing():
    orders = shown(stop_of(signal.SIGWINCH).orders([INIT, process(2, 1), process(3, 2)], 0.0))

    assert orders == [(1, STOP), (2, "WINCH"), (3, "WINCH")]
