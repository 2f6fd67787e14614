"""Image references as people write them."""

import pytest

from pvdify.errors import InvalidImageReference
from pvdify.model.image_reference import parse_image_reference

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("ghcr.io/org/app:v1", "ghcr.io/org/app:v1"),
        ("nginx", "docker.io/library/nginx:latest"),
        ("docker.io/nginx:1.27", "docker.io/library/nginx:1.27"),
        ("org/app", "docker.io/org/app:latest"),
        ("localhost/tiny:1", "localhost/tiny:1"),
        ("127.0.0.1:5000/app:v1", "127.0.0.1:5000/app:v1"),
        (f"ghcr.io/org/app@{DIGEST}", f"ghcr.io/org/app@{DIGEST}"),
        (f"ghcr.io/org/app:v1@{DIGEST}", f"ghcr.io/org/app:v1@{DIGEST}"),
        ("registry.example.com:5000/a/b/c:1.0_x-y", "registry.example.com:5000/a/b/c:1.0_x-y"),
    ],
)
def test_references(text: str, whole: str):
    assert str(parse_image_reference(text)) == whole


@pytest.mark.parametrize(
    "text", ["", "UPPER/app", "a b", "app:", "app@sha256:short", "-x/y", "ghcr.io/", "ghcr.io/a//b", "x:y:z", "--help"]
)
def test_invalid_image_references(text: str):
    with pytest.raises(InvalidImageReference):
        parse_image_reference(text)


def test_local_and_loopback_registries_are_recognised():
    assert parse_image_reference("localhost/tiny:1").is_local
    assert not parse_image_reference("localhost:5000/tiny:1").is_local
    assert parse_image_reference("localhost:5000/tiny:1").is_loopback
    assert parse_image_reference("127.0.0.1:5000/tiny:1").is_loopback
    assert not parse_image_reference("ghcr.io/tiny:1").is_loopback
