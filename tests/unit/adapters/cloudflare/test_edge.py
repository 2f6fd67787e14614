"""A Cloudflare Tunnel and its DNS records, set up without changing anything else in the account."""

import random

import pytest

from pvdify.adapters.cloudflare.api import CloudflareApi
from pvdify.adapters.cloudflare.edge import CloudflareEdge
from pvdify.errors import EdgeRefused, ServiceUnavailable
from pvdify.model.edge import EdgeLink, EdgeWanted, wanted_edge, wanted_edge_direct
from pvdify.model.instance import Secret
from pvdify.plumbing.web import WebRequest
from pvdify.settings import Address
from tests.fakes.clock import FakeClock
from tests.fakes.cloudflare import ALL, FakeCloudflare, Fault

ROUTER = "http://127.0.0.1:9080"
METRICS = Address(host="127.0.0.1", port=20241)
LINK = EdgeLink(token=Secret("cf-token"))
SHOP = ("shop.example.com", "www.shop.org")


def make(*zones: str, **more: object) -> tuple[FakeCloudflare, CloudflareEdge]:
    cloudflare = FakeCloudflare(*(zones or ("example.com", "shop.org")), **more)  # type: ignore[arg-type]
    return cloudflare, edge_on(cloudflare)


def edge_on(cloudflare: FakeCloudflare, server: str = "0123456789") -> CloudflareEdge:
    return CloudflareEdge(CloudflareApi(cloudflare, FakeClock(), chance=random.Random(1)), server, cloudflare, METRICS)


def wanted(*hostnames: str) -> EdgeWanted:
    return wanted_edge(hostnames, "example.com", ROUTER)


async def test_a_tunnel_its_rules_and_a_dns_record_for_each_hostname_are_created():
    cloudflare, edge = make()

    state = await edge.put(wanted(*SHOP), LINK)

    assert (state.tunnel, state.is_own, state.problems) == ("pvdify-0123456789", True, ())
    assert state.run_token == f"run-token-of-{state.tunnel_id}"
    assert cloudflare.ingress(state.tunnel_id) == [
        ("www.shop.org", ROUTER),
        ("*.example.com", ROUTER),
        ("", "http_status:404"),
    ]
    assert [
        {name: it[name] for name in ("name", "type", "content", "proxied", "comment")}
        for it in cloudflare.records.values()
    ] == [
        {
            "name": name,
            "type": "CNAME",
            "content": f"{state.tunnel_id}.cfargotunnel.com",
            "proxied": True,
            "comment": "made by pvdify for server 0123456789",
        }
        for name in SHOP
    ]


async def test_applying_an_unchanged_state_only_reads():
    cloudflare, edge = make()
    await edge.put(wanted(*SHOP), LINK)
    cloudflare.asked.clear()

    await edge.put(wanted(*SHOP), LINK)

    assert {asked.partition(" ")[0] for asked in cloudflare.asked} == {"GET"}


async def test_a_new_app_changes_no_rules_and_a_removed_hostname_removes_its_record():
    cloudflare, edge = make()
    state = await edge.put(wanted(*SHOP), LINK)
    version = state.version

    state = await edge.put(wanted("shop.example.com", "blog.example.com", "www.shop.org"), LINK)
    assert state.version == version
    state = await edge.put(wanted("blog.example.com"), LINK)

    assert set(cloudflare.leads()) == {"blog.example.com"}
    assert cloudflare.ingress(state.tunnel_id) == [("*.example.com", ROUTER), ("", "http_status:404")]


async def test_records_made_by_others_are_kept_and_reported():
    cloudflare, edge = make()
    cloudflare.add_record("shop.example.com", "192.0.2.1", "A")
    cloudflare.add_record("example.com", "mail.example.net", "MX")
    cloudflare.add_record("old.example.com", "somewhere.net")
    before = {id: dict(record) for id, record in cloudflare.records.items()}

    state = await edge.put(wanted("shop.example.com", "blog.example.com"), LINK)

    (problem,) = state.problems
    assert (problem.hostname, "192.0.2.1" in problem.what) == ("shop.example.com", True)
    assert {id: record for id, record in cloudflare.records.items() if id in before} == before
    assert "blog.example.com" in cloudflare.leads()


async def test_a_hostname_that_is_taken_without_a_record_is_a_separate_problem():
    cloudflare, edge = make()
    cloudflare.hidden.add("shop.example.com")  # as by the custom domain of a Worker

    state = await edge.put(wanted("shop.example.com", "zebra.example.com"), LINK)

    (problem,) = state.problems
    assert (problem.hostname, "Workers" in problem.next) == ("shop.example.com", True)
    assert "zebra.example.com" in cloudflare.leads()


async def test_a_record_made_by_others_is_found_among_many_that_mention_its_name():
    cloudflare, edge = make()
    for number in range(1100):
        cloudflare.add_record(f"alias{number}.example.com", "shop.example.com")
    cloudflare.add_record("shop.example.com", "192.0.2.1", "A")

    state = await edge.put(wanted("shop.example.com", "zebra.example.com"), LINK)

    (problem,) = state.problems
    assert (problem.hostname, "192.0.2.1" in problem.what) == ("shop.example.com", True)
    assert "zebra.example.com" in cloudflare.leads()


async def test_a_record_that_another_program_creates_at_the_same_time_is_reported_at_once():
    cloudflare, edge = make()

    def intrude(request: WebRequest) -> None:
        if request.method == "POST" and "dns_records" in request.url and "shop.example.com" not in cloudflare.leads():
            cloudflare.add_record("shop.example.com", "192.0.2.1", "A")

    cloudflare.before_request = intrude
    state = await edge.put(wanted("shop.example.com", "zebra.example.com"), LINK)

    assert [problem.hostname for problem in state.problems] == ["shop.example.com"]
    assert "zebra.example.com" in cloudflare.leads()


async def test_a_record_that_is_deleted_at_the_same_time_is_created_again():
    cloudflare, edge = make()
    await edge.put(wanted("shop.example.com"), LINK)
    (ours,) = cloudflare.records.values()
    ours["proxied"] = False

    def delete(request: WebRequest) -> None:
        if request.method == "PATCH":
            cloudflare.records.pop(ours["id"], None)

    cloudflare.before_request = delete
    state = await edge.put(wanted("shop.example.com"), LINK)

    assert state.problems == ()
    assert [record["proxied"] for record in cloudflare.records.values()] == [True]


async def test_zones_that_the_token_may_not_change_are_no_problem_of_other_hostnames():
    cloudflare, edge = make("example.com", "shop.org", "unrelated.net")
    cloudflare.locked_zones |= {"unrelated.net"}
    first = await edge.put(wanted(*SHOP), LINK)

    cloudflare.locked_zones |= {"shop.org"}
    second = await edge.put(wanted(*SHOP, "blog.example.com"), LINK)

    assert first.problems == ()
    assert [problem.hostname for problem in second.problems] == ["www.shop.org"]
    assert "Zone > DNS > Edit" in second.problems[0].what
    assert "blog.example.com" in cloudflare.leads()
    cloudflare.locked_zones -= {"shop.org"}
    await edge.remove(wanted(*SHOP), LINK)
    assert cloudflare.leads() == {}


async def test_an_equal_record_made_by_others_is_used_and_never_removed():
    cloudflare, edge = make()
    state = await edge.put(wanted(), LINK)
    theirs = cloudflare.add_record("shop.example.com", f"{state.tunnel_id}.cfargotunnel.com", proxied=True)

    state = await edge.put(wanted("shop.example.com"), LINK)
    await edge.put(wanted(), LINK)

    assert state.problems == ()
    assert cloudflare.records == {theirs["id"]: theirs}


async def test_two_servers_share_an_account_without_changing_each_others_records():
    cloudflare, edge = make()
    other = edge_on(cloudflare, "9876543210")
    await edge.put(wanted("shop.example.com"), LINK)
    await other.put(wanted("blog.example.com"), LINK)

    await edge.put(wanted(), LINK)

    assert set(cloudflare.leads()) == {"blog.example.com"}
    assert len(cloudflare.tunnels) == 2


@pytest.mark.parametrize(
    "drift", [{"content": "elsewhere.net"}, {"proxied": False}, {"type": "CNAME", "content": "x.cfargotunnel.com"}]
)
async def test_changed_records_of_this_server_are_repaired(drift: dict[str, object]):
    cloudflare, edge = make()
    state = await edge.put(wanted("shop.example.com"), LINK)
    (record,) = cloudflare.records.values()
    good = dict(record)
    record |= drift

    await edge.put(wanted("shop.example.com"), LINK)

    assert list(cloudflare.records.values()) == [good]
    assert state.problems == ()


async def test_adopting_a_tunnel_keeps_its_existing_rules():
    cloudflare, edge = make()
    theirs = [
        {"hostname": "ssh.example.com", "service": "ssh://localhost:22", "originRequest": {"noTLSVerify": True}},
        {"hostname": "", "service": "http_status:503"},
    ]
    id = cloudflare.add_tunnel("office", [theirs[0], {"service": "http_status:503"}])
    link = EdgeLink(token=Secret("cf-token"), tunnel="office")

    state = await edge.put(wanted(*SHOP), link)

    assert (state.tunnel_id, state.is_own) == (id, False)
    version, config = cloudflare.configs[id]
    assert config["warp-routing"] == {"enabled": False}
    assert config["ingress"][0] == theirs[0]
    assert config["ingress"][-1] == theirs[-1]
    assert await edge.put(wanted(*SHOP), link) == state
    assert cloudflare.configs[id][0] == version == 2

    await edge.remove(wanted(*SHOP), link)

    assert cloudflare.configs[id][1]["ingress"] == theirs
    assert cloudflare.records == {}
    assert not cloudflare.tunnels[id]["deleted_at"]


async def test_removing_deletes_only_what_this_server_created():
    cloudflare, edge = make()
    theirs = cloudflare.add_record("old.example.com", "somewhere.net")
    office = cloudflare.add_tunnel("office", [{"service": "http_status:404"}])
    await edge.put(wanted(*SHOP), LINK)

    await edge.remove(wanted(*SHOP), LINK)
    await edge.remove(wanted(*SHOP), LINK)

    assert cloudflare.records == {theirs["id"]: theirs}
    assert [id for id, it in cloudflare.tunnels.items() if not it["deleted_at"]] == [office]


@pytest.mark.parametrize(
    ("permissions", "words"),
    [
        (ALL - {"zone"}, "Zone > Zone > Read"),
        (ALL - {"dns"}, "Zone > DNS > Edit"),
        (ALL - {"tunnel"}, "Account > Cloudflare Tunnel > Edit"),
    ],
)
async def test_a_missing_permission_is_named(permissions: frozenset[str], words: str):
    _, edge = make(permissions=permissions)

    with pytest.raises(EdgeRefused) as caught:
        await edge.put(wanted(*SHOP), LINK)

    assert words in caught.value.why
    assert "https://dash.cloudflare.com/profile/api-tokens" in caught.value.next
    assert "cf-token" not in caught.value.render()


async def test_an_invalid_token_and_an_unreachable_zone_are_reported():
    _, edge = make()

    with pytest.raises(EdgeRefused, match="does not allow pvdify to read the list of zones") as caught:
        await edge.put(wanted(), EdgeLink(token=Secret("wrong")))
    assert "the API token is not valid" in caught.value.why
    _, edge = make("shop.org")
    with pytest.raises(EdgeRefused, match=r"no zone that example\.com is in"):
        await edge.put(wanted(), LINK)


async def test_a_hostname_outside_the_accounts_zones_is_a_separate_problem():
    cloudflare, edge = make("example.com")

    state = await edge.put(wanted(*SHOP), LINK)

    assert [problem.hostname for problem in state.problems] == ["www.shop.org"]
    assert set(cloudflare.leads()) == {"shop.example.com"}


async def test_a_tunnel_that_cannot_be_adopted_is_reported():
    cloudflare, edge = make()
    cloudflare.add_tunnel("file", [], config_src="local")

    for name, words in (("nowhere", "there is no tunnel nowhere"), ("file", "takes its rules from a file")):
        with pytest.raises(EdgeRefused, match=words):
            await edge.put(wanted(), EdgeLink(token=Secret("cf-token"), tunnel=name))


async def test_rules_that_another_program_writes_at_the_same_time_are_detected_and_overwritten():
    cloudflare, edge = make()
    state = await edge.put(wanted("shop.example.com"), LINK)
    overwrites = iter([True, False, True, False])

    def overwrite_rules(request: object) -> None:
        """Replace all rules as another writer, just before each of the first reads after our writes."""
        method = getattr(request, "method", "")
        if method == "GET" and "configurations" in getattr(request, "url", "") and next(overwrites, False):
            version, _ = cloudflare.configs[state.tunnel_id]
            cloudflare.configs[state.tunnel_id] = (version + 1, {"ingress": [{"service": "http_status:500"}]})

    cloudflare.before_request = overwrite_rules

    after = await edge.put(wanted("shop.example.com"), LINK)

    assert cloudflare.ingress(after.tunnel_id) == [("*.example.com", ROUTER), ("", "http_status:404")]
    assert after.version == cloudflare.configs[state.tunnel_id][0]


async def test_a_program_that_keeps_overwriting_the_rules_is_reported():
    cloudflare, edge = make()
    state = await edge.put(wanted(), LINK)

    def overwrite_rules(request: object) -> None:
        if "configurations" in getattr(request, "url", "") and getattr(request, "method", "") == "GET":
            cloudflare.configs[state.tunnel_id] = (99, {"ingress": [{"service": "http_status:500"}]})

    cloudflare.before_request = overwrite_rules

    with pytest.raises(ServiceUnavailable, match="do not stay as pvdify writes them"):
        await edge.put(wanted(), LINK)


async def test_a_rate_limit_is_waited_out_as_retry_after_says():
    cloudflare, edge = make()
    faults = [Fault(status=429, headers={"retry-after": "7"})]
    cloudflare.next_fault = lambda: faults.pop() if faults else None

    await edge.put(wanted(), LINK)

    assert edge._api._clock.monotonic() >= 7  # type: ignore[attr-defined]


async def test_an_account_with_many_records_is_read_to_the_last_page():
    cloudflare, edge = make()
    hostnames = [f"app{number}.example.com" for number in range(1200)]
    state = await edge.put(wanted(), LINK)
    for name in hostnames:
        cloudflare.add_record(
            name, f"{state.tunnel_id}.cfargotunnel.com", proxied=True, comment="made by pvdify for server 0123456789"
        )
    cloudflare.asked.clear()

    await edge.put(wanted(*hostnames), LINK)

    assert all(asked.startswith("GET") for asked in cloudflare.asked)


async def test_cloudflared_reports_which_rules_it_runs_with():
    cloudflare, edge = make()

    assert await edge.rules_in_force() is None
    cloudflare.connector_version = 7

    assert await edge.rules_in_force() == 7


async def test_with_direct_routing_each_hostname_has_its_own_rule():
    cloudflare, edge = make()

    state = await edge.put(wanted_edge_direct({"shop.example.com": "http://127.0.0.1:3001"}, "example.com"), LINK)
    after = await edge.put(wanted_edge_direct({"shop.example.com": "http://127.0.0.1:3002"}, "example.com"), LINK)

    assert cloudflare.ingress(state.tunnel_id) == [
        ("shop.example.com", "http://127.0.0.1:3002"),
        ("", "http_status:404"),
    ]
    assert after.version == state.version + 1


@pytest.mark.parametrize("seed", range(4))
async def test_after_any_faults_rules_and_records_are_exactly_as_wanted(seed: int):
    """Inject faults of every kind between random changes by any server; 4 seeds of 250 faults make 1,000."""
    chance = random.Random(seed)
    cloudflare, edge = make()
    cloudflare.add_record("taken.example.com", "192.0.2.1", "A")
    foreign = cloudflare.add_tunnel("office", [{"service": "http_status:404"}])
    faults = 0

    def fault() -> Fault | None:
        nonlocal faults
        if chance.random() > 0.25:
            return None
        faults += 1
        is_done = chance.random() < 0.5
        status = chance.choice((None, 429, 500, 502, 503, 504, 520))
        return Fault(status=status, is_done=is_done and status != 429)

    names = [f"app{number}.example.com" for number in range(8)] + ["www.shop.org", "shop.org", "taken.example.com"]
    cloudflare.next_fault = fault
    now = wanted()
    while faults < 250:
        now = wanted(*(name for name in names if chance.random() < 0.5))
        _drift(cloudflare, chance)
        try:
            await edge.put(now, LINK)
        except ServiceUnavailable:
            continue

    cloudflare.next_fault = lambda: None
    state = await edge.put(now, LINK)

    own = [id for id, it in cloudflare.tunnels.items() if it["name"] == "pvdify-0123456789"]
    assert own == [state.tunnel_id]
    assert cloudflare.configs[foreign] == (
        1,
        {"ingress": [{"service": "http_status:404"}], "warp-routing": {"enabled": False}},
    )
    expected = {name: f"{state.tunnel_id}.cfargotunnel.com" for name in now.hostnames} | {
        "taken.example.com": "192.0.2.1"
    }
    assert cloudflare.leads() == expected
    assert len(cloudflare.records) == len(expected)
    assert cloudflare.ingress(state.tunnel_id) == [
        *((rule.hostname, rule.service) for rule in now.rules),
        ("", "http_status:404"),
    ]


def _drift(cloudflare: FakeCloudflare, chance: random.Random) -> None:
    """Change or delete one of this server's records, or change its rules, as an operator could by mistake."""
    ours = [record for record in cloudflare.records.values() if record["comment"].startswith("made by pvdify")]
    if ours and chance.random() < 0.5:
        record = chance.choice(ours)
        if chance.random() < 0.5:
            del cloudflare.records[record["id"]]
        else:
            record |= {"content": "elsewhere.net", "proxied": False}
    for id, tunnel in cloudflare.tunnels.items():
        if tunnel["name"].startswith("pvdify-") and chance.random() < 0.2:
            cloudflare.configs[id] = (cloudflare.configs[id][0] + 1, {"ingress": [{"service": "http_status:500"}]})
