"""The configuration text, compared whole with a copy that a person can read: ``haproxy.cfg`` beside this file."""

from dataclasses import replace
from pathlib import Path

from pvdify.adapters.haproxy import config, pages
from pvdify.adapters.haproxy.config import ConfigSpec
from pvdify.settings import Address

SPEC = ConfigSpec(
    listen=Address(host="127.0.0.1", port=9080),
    socket=Path("/run/pvdify/haproxy.sock"),
    token="0123abcd",
    version=(2, 8),
)
EXPECTED = Path(__file__).with_name("haproxy.cfg")


def test_the_whole_text() -> None:
    assert config.build(SPEC) == EXPECTED.read_text(encoding="utf-8")


def test_a_running_process_can_tell_which_text_it_has() -> None:
    assert f"    description {config.fingerprint(SPEC)}\n" in config.build(SPEC)
    assert config.fingerprint(SPEC) == config.fingerprint(replace(SPEC))


def test_every_part_of_the_spec_changes_the_fingerprint() -> None:
    others = (
        replace(SPEC, listen=Address(host="127.0.0.1", port=9081)),
        replace(SPEC, socket=Path("/run/other/haproxy.sock")),
        replace(SPEC, token="4567"),
        replace(SPEC, version=(2, 6)),
    )

    assert len({config.fingerprint(spec) for spec in (SPEC, *others)}) == 5


def test_an_older_haproxy_gets_what_it_understands() -> None:
    def lines(version: tuple[int, int]) -> set[str]:
        return set(config.build(replace(SPEC, version=version)).splitlines())

    assert {line.strip() for line in lines((2, 8)) - lines((2, 6)) if "description" not in line} == {
        "http-after-response sc-inc-gpc0(0) if { status 500:599 }"
    }
    assert {line.strip() for line in lines((2, 6)) - lines((2, 4)) if "description" not in line} == {
        "option idle-close-on-response"
    }
    assert not config.counts_router_errors((2, 6))


def test_an_ipv6_address_is_bound_in_brackets() -> None:
    text = config.build(replace(SPEC, listen=Address(host="::1", port=9080)))

    assert "    bind [::1]:9080\n" in text


def test_pages_say_nothing_about_what_is_behind_them() -> None:
    for each in pages.ALL:
        page = pages.html(each).lower()
        assert "'" not in page
        assert f"<title>{each.title.lower()}</title>" in page
        assert f"<main><h1>{each.title.lower()}</h1>" in page
        assert not any(word in page for word in ("haproxy", "pvdify", "slot", "target", "127.0.0.1"))


def test_no_line_is_longer_than_haproxy_reads() -> None:
    assert max(len(line) for line in config.build(SPEC).splitlines()) < 2048
