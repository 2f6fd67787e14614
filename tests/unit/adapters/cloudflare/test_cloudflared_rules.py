"""How the fake Cloudflare validates tunnel rules."""

import pytest

from tests.fakes import cloudflared_rules

LAST = {"service": "http_status:404"}
APP = {"hostname": "*.example.com", "service": "http://127.0.0.1:9080"}


def test_a_wildcard_and_a_catch_all_rule_are_accepted() -> None:
    assert cloudflared_rules.problem([APP, LAST]) is None
    assert cloudflared_rules.problem([APP, {"hostname": "", **LAST}]) is None


@pytest.mark.parametrize(
    "rules",
    [
        [],
        [APP],
        [LAST, APP, LAST],
        [{**APP, "hostname": "a.*.example.com"}, LAST],
        [{**APP, "hostname": "example.com:443"}, LAST],
        [{**APP, "service": "127.0.0.1:9080"}, LAST],
        [{**APP, "service": "http://127.0.0.1:9080/path"}, LAST],
        [APP, {"service": "http_status:999"}],
    ],
)
def test_rules_that_cloudflared_would_reject_are_refused(rules: list[dict[str, str]]) -> None:
    assert cloudflared_rules.problem(rules)
