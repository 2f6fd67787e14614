from pvdify.installation.containers import list_container_ids, list_pins, parse_pins


def test_podman_queries_are_filtered_by_this_server() -> None:
    assert list_container_ids("podman", "ab12") == (
        "podman",
        "ps",
        "--all",
        "--quiet",
        "--filter=label=io.pvdify.server=ab12",
    )
    assert list_pins("podman", "ab12") == (
        "podman", "images", "--format", "{{.Repository}}:{{.Tag}}", "--filter=reference=localhost/pvdify/ab12/*",
    )  # fmt: skip


def test_pins_are_distinguished_from_the_other_names_of_their_images() -> None:
    names = ("localhost/pvdify/ab12/shop:v41", "ghcr.io/o/shop:v1", "localhost/pvdify/other/shop:v2", "<none>:<none>")

    assert parse_pins(names, "ab12") == (("shop", 41),)
