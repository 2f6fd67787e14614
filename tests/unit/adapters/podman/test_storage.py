import json

import pytest

from pvdify.adapters.podman.images import storage
from pvdify.model.image import ImagesOnDisk

LAYERS = json.dumps([
    {"id": "base", "diff-size": 1000},
    {"id": "shop1", "parent": "base", "diff-size": 20},
    {"id": "shop2", "parent": "base", "diff-size": 30},
    {"id": "blog", "parent": "base", "diff-size": 4},
    {"id": "unrelated", "diff-size": 9},
])  # fmt: skip


def image(layer: str, *names: str) -> dict[str, object]:
    return {"id": f"image of {layer}", "names": list(names), "layer": layer}


def test_a_layer_counts_once_for_an_app_and_layers_of_other_apps_are_shared():
    images = json.dumps([
        image("shop1", "ghcr.io/o/shop@sha256:aa", "localhost/pvdify/s1/shop:v1", "localhost/pvdify/s1/shop:v3"),
        image("shop2", "localhost/pvdify/s1/shop:v2"),
        image("blog", "localhost/pvdify/s1/blog:v7"),
    ])  # fmt: skip

    assert storage.by_app(images, LAYERS, "s1") == {
        "shop": ImagesOnDisk(images=2, size=1050, shared=1000),
        "blog": ImagesOnDisk(images=1, size=1004, shared=1000),
    }


def test_images_that_no_release_pins_are_left_out():
    images = json.dumps(
        [image("unrelated", "docker.io/library/nginx:latest"), image("blog", "localhost/pvdify/s2/x:v1")]
    )
    nameless = json.dumps([{"id": "x", "layer": "blog"}])

    assert storage.by_app(images, LAYERS, "s1") == {}
    assert storage.by_app(nameless, LAYERS, "s1") == {}


@pytest.mark.parametrize("images", ["{}x", '[{"names": ["localhost/pvdify/s1/shop:v1"], "layer": "gone"}]', "[1]"])
def test_an_unknown_format_is_a_value_error(images: str):
    with pytest.raises(ValueError, match=r".+"):
        storage.by_app(images, LAYERS, "s1")
