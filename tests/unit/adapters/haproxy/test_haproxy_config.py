"""The configuration text, compared whole with ``haproxy.cfg`` beside this file."""

from dataclasses import replace
from pathlib import Path

from pvdify.adapters.haproxy import config, pages
from pvdify.adapters.haproxy.config import ConfigSpec, Front
from pvdify.adapters.haproxy.control_plane import ControlPlane
from pvdify.settings import Address

SPEC = ConfigSpec(
    bind="127.0.0.1:9080",
    socket=Path("/run/pvdify/haproxy.sock"),
    token="0123abcd",
    version=(2, 8),
    control_plane=ControlPlane(
        hostname="apps.example.com", prefix="", listen=Address(host="127.0.0.1", port=9443), has_dashboard=True
    ),
)
EXPECTED = Path(__file__).with_name("haproxy.cfg")


def test_the_whole_text() -> None:
    assert config.build(SPEC) == EXPECTED.read_text(encoding="utf-8")


def test_a_running_process_can_say_which_text_it_has() -> None:
    assert f"    description {config.fingerprint(SPEC)}\n" in config.build(SPEC)
    assert config.fingerprint(SPEC) == config.fingerprint(replace(SPEC))


def test_every_part_of_the_spec_changes_the_fingerprint() -> None:
    others = (
        replace(SPEC, bind="127.0.0.1:9081"),
        replace(SPEC, socket=Path("/run/other/haproxy.sock")),
        replace(SPEC, token="4567"),
        replace(SPEC, version=(2, 6)),
        replace(SPEC, has_lua=False),
        replace(SPEC, front=Front(trusted=("192.0.2.0/24",))),
        replace(SPEC, front=Front(headers=("X-Forwarded-For",))),
        replace(SPEC, front=Front(has_http2=True)),
        replace(SPEC, control_plane=None),
    )

    assert len({config.fingerprint(spec) for spec in (SPEC, *others)}) == 10


def test_without_a_control_plane_no_backend_points_to_one() -> None:
    text = config.build(replace(SPEC, control_plane=None))

    assert "api" not in text
    assert "9443" not in text


def test_without_a_dashboard_only_the_api_is_routed() -> None:
    text = config.build(replace(SPEC, control_plane=replace(SPEC.control_plane, has_dashboard=False)))

    assert "use_backend control_plane if is_api\n" in text
    assert "is_page" not in text
    assert "dashboard" not in text


def test_an_older_haproxy_gets_only_directives_it_supports() -> None:
    def lines(version: tuple[int, int]) -> set[str]:
        return set(config.build(replace(SPEC, version=version)).splitlines())

    assert {line.strip() for line in lines((2, 6)) - lines((2, 8)) if "description" not in line} == {
        "http-response sc-inc-gpc1(0) if { status 500:599 } by_app",
        "stick-table type string len 64 size 20k store conn_cur,http_req_cnt,gpc0,gpc1",
    }


def test_a_socket_passed_by_systemd_is_used_unchanged() -> None:
    text = config.build(replace(SPEC, bind="fd@3"))

    assert "    bind fd@3\n" in text


def test_no_forwarded_header_is_trusted_without_a_proxy_in_front() -> None:
    text = config.build(replace(SPEC, front=Front(trusted=())))

    assert "    acl is_in_front src 0.0.0.0/32\n" in text


def test_a_header_that_is_not_asked_for_reaches_no_app() -> None:
    text = config.build(replace(SPEC, front=Front(headers=("X-Forwarded-For",))))

    assert "    http-request del-header CF-Connecting-IP\n" in text
    assert "req.hdr_ip(cf-connecting-ip" not in text


def test_error_pages_reveal_nothing_about_the_backend() -> None:
    for each in pages.ALL:
        page = pages.html(each).lower()
        assert "'" not in page
        assert f"<title>{each.title.lower()}</title>" in page
        assert f"<main><h1>{each.title.lower()}</h1>" in page
        assert not any(word in page for word in ("haproxy", "pvdify", "slot", "target", "127.0.0.1"))


def test_no_line_is_longer_than_haproxy_reads() -> None:
    assert max(len(line) for line in config.build(SPEC).splitlines()) < 2048
