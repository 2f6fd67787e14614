"""Which requests in progress go to a target, as HAProxy lists them."""

from pvdify.adapters.haproxy import sessions
from tests.support.endpoints import here

LISTED = """\
0x3b2cb4e0: [29/Nov/2026:21:43:04.219469] id=5 proto=tcpv4 source=127.0.0.1:3001
  frontend=visitors (id=2 mode=http), listener=? (id=1) addr=127.0.0.1:3002
  backend=only_one (id=6 mode=http) addr=127.0.0.1:54832
  server=target (id=1) addr=127.0.0.1:3001
  txn=0x3b346480 flags=0x8000 meth=1 status=101 req.st=MSG_TUNNEL rsp.st=MSG_TUNNEL req.f=0xcc rsp.f=0xcc
0x7f38dc03f100: [29/Nov/2026:21:43:04.219606] id=6 proto=tcpv4 source=127.0.0.1:39970
  frontend=visitors (id=2 mode=http), listener=? (id=1) addr=127.0.0.1:3001
  backend=one_of_several (id=7 mode=http) addr=unix:1
  server=ourselves (id=2) addr=unix:1
0x7f38dc052690: [29/Nov/2026:21:43:04.219856] id=7 proto=unix_stream source=unix:1
  frontend=second_try (id=3 mode=http), listener=? (id=1) addr=unix:1
  backend=one_of_several (id=7 mode=http) addr=127.0.0.1:36184
  server=target (id=1) addr=127.0.0.1:30010
0x7f38dc05c7b0: [29/Nov/2026:21:43:04.722837] id=9 proto=unix_stream source=unix:1
  frontend=GLOBAL (id=0 mode=tcp), listener=? (id=1) addr=unix:1
  backend=<NONE> (id=-1 mode=-)
  server=<NONE> (id=-1)
"""


def test_only_the_address_of_the_server_counts():
    assert sessions.to_targets(LISTED, here(3001, 3002)) == ("0x3b2cb4e0",)


def test_a_retried_request_is_listed_once():
    assert sessions.to_targets(LISTED, here(30010)) == ("0x7f38dc052690",)


def test_an_empty_listing_has_no_requests():
    assert sessions.to_targets("", here(3001)) == ()
