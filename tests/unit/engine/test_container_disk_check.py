"""``pvdify status`` says whether what a container writes into itself has a limit, and if not, why."""

from pvdify.engine.reading.server import check_of_layers
from pvdify.model.layer_bound import LayerBound


def test_a_limit_is_shown_with_its_size():
    (check,) = check_of_layers(LayerBound(size=10 * 1024**3))

    assert (check.name, check.state) == ("container-disk", "ok")
    assert check.text == "limited to 10G in each new container (`max_container_disk`)"


def test_a_missing_limit_is_shown_with_its_cause():
    (check,) = check_of_layers(LayerBound(why="podman can limit it only on XFS, and /srv is on extfs"))

    assert (check.state, check.next) == ("ok", "")
    assert check.text == "measured, not limited: podman can limit it only on XFS, and /srv is on extfs"


def test_a_runtime_that_says_nothing_has_no_check():
    assert check_of_layers(None) == ()
