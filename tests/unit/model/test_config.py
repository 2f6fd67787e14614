import pytest

from pvdify.errors import InvalidConfigVar
from pvdify.model.config import ConfigVar, apply_changes, named
from pvdify.model.instance import Secret


def test_a_secret_that_is_too_short_to_be_hidden_is_refused_with_the_reason() -> None:
    changes = {"PIN": ConfigVar(value=Secret("1234"), is_secret=True)}

    with pytest.raises(InvalidConfigVar) as caught:
        apply_changes({}, changes)

    (problem,) = caught.value.details["problems"]
    assert problem.startswith("PIN: too short for a secret: at least 6 characters")
    assert "1234" not in problem


def test_a_short_plain_value_is_accepted() -> None:
    changes = {"WORKERS": ConfigVar(value=Secret("4"))}

    values = apply_changes({}, changes)

    assert values == changes


def test_a_config_too_large_for_execve_is_refused_with_its_largest_variables() -> None:
    current = apply_changes({}, {f"K{number}": ConfigVar(value=Secret("v" * 50_000)) for number in range(5)})

    with pytest.raises(InvalidConfigVar) as caught:
        apply_changes(current, {"BIG": ConfigVar(value=Secret("b" * 60_000)), "SMALL": ConfigVar(value=Secret("1"))})

    assert "310033 bytes, and 262144 is the most" in caught.value.what
    assert "BIG (60005 bytes)" in caught.value.why


def test_a_config_that_is_too_large_already_can_be_made_smaller() -> None:
    current = {f"K{number}": ConfigVar(value=Secret("v" * 60_000)) for number in range(9)}

    values = apply_changes(current, {"K0": None, "K1": ConfigVar(value=Secret("short"))})

    assert len(values) == 8


@pytest.mark.parametrize("key", ["K" * 300, "K" * 100_000, "-" * 100_000])
def test_a_name_that_is_too_long_is_refused_without_repeating_it(key: str) -> None:
    with pytest.raises(InvalidConfigVar) as caught:
        apply_changes({}, {key: ConfigVar(value=Secret("value"))})

    (problem,) = caught.value.details["problems"]
    assert problem.startswith(f'"{key[:40]}…": a name has letters')


@pytest.mark.parametrize(("value", "why"), [("a\0b", "a NUL character"), ("half \udc00", "half of a character")])
def test_a_value_with_a_nul_or_a_lone_surrogate_is_refused(value: str, why: str) -> None:
    with pytest.raises(InvalidConfigVar) as caught:
        apply_changes({}, {"KEY": ConfigVar(value=Secret(value))})

    assert caught.value.details["problems"] == [f"KEY: a value cannot hold {why}"]


def test_too_many_variables_are_refused() -> None:
    var = ConfigVar(value=Secret("value"))
    full = apply_changes({}, {f"K{number}": var for number in range(2000)})

    with pytest.raises(InvalidConfigVar, match="the config would have 2001 variables, and 2000 is the most"):
        apply_changes(full, {"ONE_MORE": var})
    with pytest.raises(InvalidConfigVar, match="5000 changes of the config at once are too many"):
        apply_changes({}, dict.fromkeys((f"K{number}" for number in range(5000)), None))

    assert len(apply_changes(full, {"K0": None, "ONE_MORE": var})) == 2000


def test_a_config_with_too_many_variables_already_can_shrink() -> None:
    var = ConfigVar(value=Secret("value"))
    current = {f"K{number}": var for number in range(3000)}

    assert len(apply_changes(current, {"K0": None, "K1": var})) == 2999


def test_the_number_of_listed_problems_and_names_is_limited() -> None:
    with pytest.raises(InvalidConfigVar) as caught:
        apply_changes({}, {f"-{number}": ConfigVar(value=Secret("value")) for number in range(2000)})

    assert len(caught.value.details["problems"]) == 40  # type: ignore[arg-type]
    assert named(f"K{number:04}" for number in range(50)) == ", ".join(f"K{it:04}" for it in range(40)) + " and 10 more"
    assert named(["B", "A"]) == "A, B"
