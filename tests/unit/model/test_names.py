"""Valid names of apps and other objects, and computed names."""

import pytest

from pvdify.errors import InvalidError
from pvdify.model.names import Environment, check_app_name, environment_of, hook_name, instance_name, place_of_instance


@pytest.mark.parametrize("name", ["my", "myapp", "my-app-2", "a" * 40, "myapp-pr-12"])
def test_names_of_apps(name: str):
    assert check_app_name(name) == name


@pytest.mark.parametrize("name", ["", "a", "1app", "-app", "app-", "my--app", "My", "my_app", "a" * 41, "a.b", "é" * 3])
def test_invalid_app_names(name: str):
    with pytest.raises(InvalidError):
        check_app_name(name)


def test_environments():
    assert environment_of("shop") is Environment.PRODUCTION
    assert environment_of("shop-staging") is Environment.STAGING
    assert environment_of("shop-pr-12") is Environment.PREVIEW
    assert environment_of("shop-pr-0") is Environment.PRODUCTION


def test_computed_names():
    assert instance_name("shop", "web", 42, 1) == "pvdify-shop-web-v42-1"
    assert hook_name("shop", 42, "pre_deploy", 1) == "pvdify-shop-pre_deploy-v42-1"


def test_an_instances_name_reports_its_place():
    assert place_of_instance("pvdify-my-shop-v2-web-v12-3") == ("web", 12, 3)
    assert place_of_instance("pvdify-shop-web-v1") is None


def test_a_restarted_instance_has_another_name_and_its_number() -> None:
    names = {instance_name("shop", "web", 1, number, generation) for number in (1, 100) for generation in range(3)}

    assert len(names) == 6
    assert place_of_instance(instance_name("shop", "web", 1, 1, 1)) == ("web", 1, 1)
    assert place_of_instance(instance_name("shop", "web", 1, 100, 2)) == ("web", 1, 100)
