"""What `make bench-proxies` reads of wrk: every failed request has to show."""

import pytest

from bench.wrk import parse

GOOD = """\
Running 2s test @ http://127.0.0.1:9080/
  Latency Distribution
     50%  812.00us
     99%   12.50ms
  4000 requests in 2.00s, 1.20MB read
Requests/sec:   2000.00
"""
BAD = GOOD + "  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 5\n"


def test_the_figures_of_a_run_are_read():
    sample = parse(GOOD, spent=0.4)

    assert (sample.rate, sample.median, sample.p99) == (2000.0, pytest.approx(0.000812), 0.0125)
    assert (sample.cpu, sample.failed) == (0.0001, 0)


def test_every_kind_of_failure_counts():
    assert parse(BAD, spent=0.4).failed == 15


def test_other_text_is_an_error():
    with pytest.raises(ValueError, match="not the output of wrk"):
        parse("unable to connect", spent=0.0)
