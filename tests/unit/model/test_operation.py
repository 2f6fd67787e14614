"""The table of an operation's states and transitions."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pvdify.model.operation import TRANSITIONS, Operation, OperationKind, OperationState, StepRecord, StepState

OPERATION = Operation(
    id="x", kind=OperationKind.DEPLOY, app="shop", created_at=datetime(2026, 1, 1, tzinfo=UTC), created_by="ci"
)


def test_every_state_is_in_the_table():
    assert set(TRANSITIONS) == set(OperationState)


def test_terminal_states_have_no_successor():
    settled = {state for state in OperationState if state.is_settled}

    assert {state.value for state in settled} == {"succeeded", "failed", "canceled", "needs-attention"}


def test_transitions_outside_the_table_are_refused():
    running = OPERATION.moved_to(OperationState.RUNNING)

    with pytest.raises(ValueError, match="cannot go from running to canceled"):
        running.moved_to(OperationState.CANCELED)


def test_a_step_that_an_earlier_version_did_not_know_is_pending_until_it_is_done():
    recorded = replace(OPERATION, steps=(StepRecord(name="pull", state=StepState.DONE),))

    assert recorded.step("public").state is StepState.PENDING
    assert recorded.with_step(StepRecord(name="public", state=StepState.DONE)).step("public").state is StepState.DONE
    assert recorded.with_step(StepRecord(name="pull", text="here")).steps == (StepRecord(name="pull", text="here"),)
