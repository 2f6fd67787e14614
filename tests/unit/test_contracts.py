"""Every fake of a port keeps the promises that its real adapter keeps: one contract suite for both."""

from pathlib import Path

TESTS = Path(__file__).parents[1]
# Fakes without a port: other companies' servers, programs, and tools of the tests.
NO_PORT = {
    "api", "api_routes", "api_state", "behaviour", "cloudflare", "cloudflared_rules", "conmon", "container",
    "github", "github_api", "github_description", "kubernetes_api", "machine", "runner_tokens", "sample_server",
    "systemctl", "web_server",
}  # fmt: skip


def test_every_fake_of_a_port_has_a_contract_suite():
    fakes = {file.stem for file in (TESTS / "fakes").glob("*.py")} - {"__init__"} - NO_PORT
    suites = {file.stem.removeprefix("test_") for file in (TESTS / "contract").glob("test_*.py")}

    assert len(fakes) >= 15
    assert sorted(fakes - suites) == []
