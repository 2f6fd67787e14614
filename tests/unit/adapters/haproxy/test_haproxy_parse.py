"""Answers of HAProxy as 2.6 and 2.8 give them."""

from datetime import date

import pytest

from pvdify.adapters.haproxy import parse
from pvdify.adapters.haproxy.parse import Counts, ProcessInfo, Version
from pvdify.adapters.haproxy.runtime_api import split_answers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "HAProxy version 2.8.25-5cf5d0683 2026/06/26 - https://haproxy.org/",
            ("2.8.25-5cf5d0683", (2, 8), date(2026, 6, 26)),
        ),
        (
            "HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/",
            ("2.6.12-1+deb12u4", (2, 6), date(2026, 10, 17)),
        ),
        (
            "HA-Proxy version 2.2.9-2+deb11u6 2023/12/05 - https://haproxy.org/",
            ("2.2.9-2+deb11u6", (2, 2), date(2023, 12, 5)),
        ),
    ],
)
def test_version(text: str, expected: tuple[str, tuple[int, int], date]) -> None:
    found = Version(text=expected[0], number=expected[1], released=expected[2], has_lua=False)

    assert parse.version(text) == found


def test_a_build_with_lua_says_so() -> None:
    found = parse.version("HAProxy version 2.8.25\nBuilt with Lua version : Lua 5.4.6\n")

    assert found is not None
    assert found.has_lua


def test_output_of_another_program_has_no_version() -> None:
    assert parse.version("nginx version: nginx/1.22") is None


def test_process_info() -> None:
    answer = (
        "Name: HAProxy\nVersion: 2.8.25-5cf5d0683\nPid: 6206\nCurrConns: 3\nnode: vm\ndescription: abc\nBuild info: x"
    )

    assert parse.process_info(answer) == ProcessInfo(
        pid=6206, version="2.8.25-5cf5d0683", fingerprint="abc", connections=3
    )
    assert parse.process_info("Permission denied") is None


def test_a_whole_map() -> None:
    answer = "0x77103b0 shop/v1 2\n0x7710420 shop/v1/0 4001"

    assert parse.map_entries(answer) == {"shop/v1": "2", "shop/v1/0": "4001"}
    assert parse.map_entries("") == {}


def test_one_entry_of_a_map() -> None:
    found = 'type=str, case=sensitive, found=yes, idx=tree, key="a", value="a/v1", type="str"'

    assert parse.map_value(found) == "a/v1"
    assert parse.map_value("type=str, case=sensitive, found=no") is None


def test_counts() -> None:
    answer = (
        "# table: targets, type: string, size:20480, used:1\n"
        "0x779dce8: key=a/v1/1 use=1 exp=0 shard=0 gpc0=3 gpc1=2 conn_cur=1 http_req_cnt=9"
    )

    assert parse.counts(answer) == Counts(in_flight=1, requests=9, errors=3, app_errors=2)
    assert parse.counts("") == Counts()


def test_messages_of_haproxy_are_extracted_from_stderr() -> None:
    stderr = (
        "[NOTICE]   (12) : haproxy version is 2.8.25\n"
        "[ALERT]    (12) : Binding [haproxy.cfg:30] for frontend visitors: cannot bind socket\n"
        "[ALERT]    (12) : Fatal errors found in configuration.\n"
    )

    assert parse.complaint(stderr) == (
        "Binding [haproxy.cfg:30] for frontend visitors: cannot bind socket; Fatal errors found in configuration."
    )
    assert parse.complaint("error while loading shared libraries\n") == "error while loading shared libraries"


def test_answers_end_with_an_empty_line() -> None:
    assert split_answers("\n") == [""]
    assert split_answers("\nfound=no\n\nentry not found.\n\n") == ["", "found=no", "entry not found."]
    assert split_answers("one\ntwo\n\n\n") == ["one\ntwo", ""]


def test_a_version_names_the_page_of_its_known_bugs() -> None:
    found = parse.version(
        "HAProxy version 2.8.25 2026/06/26\nKnown bugs: http://www.haproxy.org/bugs/bugs-2.8.25.html\n"
    )

    assert found is not None
    assert found.known_bugs == "http://www.haproxy.org/bugs/bugs-2.8.25.html"


def test_an_invalid_date_is_left_out() -> None:
    found = parse.version("HAProxy version 2.8.25 2026/13/45")

    assert found == Version(text="2.8.25", number=(2, 8))
