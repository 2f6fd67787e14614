import pytest

from pvdify.errors import InvalidConfigVar
from pvdify.model.config import ConfigVar, apply_changes
from pvdify.model.instance import Secret


def test_a_secret_that_is_too_short_to_be_hidden_is_refused_with_the_reason() -> None:
    changes = {"PIN": ConfigVar(value=Secret("1234"), is_secret=True)}

    with pytest.raises(InvalidConfigVar) as caught:
        apply_changes({}, changes)

    (problem,) = caught.value.details["problems"]
    assert problem.startswith("PIN: too short for a secret: at least 6 characters")
    assert "1234" not in problem


def test_a_short_value_that_is_no_secret_is_taken() -> None:
    changes = {"WORKERS": ConfigVar(value=Secret("4"))}

    values = apply_changes({}, changes)

    assert values == changes
