"""The one table of an operation's states."""

from datetime import UTC, datetime

import pytest

from pvdify.model.operation import TRANSITIONS, Operation, OperationKind, OperationState

OPERATION = Operation(
    id="x", kind=OperationKind.DEPLOY, app="shop", created_at=datetime(2026, 1, 1, tzinfo=UTC), created_by="ci"
)


def test_every_state_is_in_the_table():
    assert set(TRANSITIONS) == set(OperationState)


def test_settled_states_lead_nowhere():
    settled = {state for state in OperationState if state.is_settled}

    assert {state.value for state in settled} == {"succeeded", "failed", "canceled", "needs-attention"}


def test_moves_outside_the_table_are_refused():
    running = OPERATION.moved_to(OperationState.RUNNING)

    with pytest.raises(ValueError, match="cannot go from running to canceled"):
        running.moved_to(OperationState.CANCELED)
