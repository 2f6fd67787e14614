from dataclasses import replace

from pvdify.engine.reading.differences import Difference, differences
from pvdify.manifest.reading import parse_manifest
from pvdify.model.config import ConfigVar
from pvdify.model.instance import Secret
from pvdify.model.release import Release
from tests.fakes.clock import START

OLD = Release(
    app="shop", version=1, image="reg.example.com/shop:v1", digest="sha256:aa", config_version=1,
    manifest=parse_manifest({}), created_at=START, created_by="ci", description="",
)  # fmt: skip


def test_equal_releases_have_no_differences():
    assert differences(OLD, replace(OLD, version=2), {}, {}) == ()


def test_a_moved_tag_is_reported_by_its_digest():
    found = differences(OLD, replace(OLD, digest="sha256:bb"), {}, {})

    assert found == (Difference(part="image", name="digest", before="sha256:aa", after="sha256:bb"),)


def test_config_vars_are_reported_by_name_and_never_by_value():
    before = {"KEPT": ConfigVar(value=Secret("1")), "GONE": ConfigVar(value=Secret("2")), "OTHER": _secret("old")}
    after = {"KEPT": ConfigVar(value=Secret("1")), "NEW": ConfigVar(value=Secret("3")), "OTHER": _secret("fresh")}

    found = differences(OLD, OLD, before, after)

    assert [(it.name, it.change, it.before, it.after) for it in found] == [
        ("GONE", "removed", None, None),
        ("NEW", "added", None, None),
        ("OTHER", "changed", None, None),
    ]


def test_the_manifest_is_compared_path_by_path_and_defaults_are_none():
    older = replace(OLD, manifest=parse_manifest({"processes": {"web": {"count": 2}}, "port": 80}))
    newer = replace(
        OLD, manifest=parse_manifest({"processes": {"web": {"count": 3, "command": ["serve"]}}, "domains": ["a.test"]})
    )

    found = differences(older, newer, {}, {})

    assert {(it.name, it.change, it.before, it.after) for it in found} == {
        ("processes.web.count", "changed", "2", "3"),
        ("processes.web.command", "added", None, '["serve"]'),
        ("port", "removed", "80", None),
        ("domains", "added", None, '["a.test"]'),
    }


def _secret(value: str) -> ConfigVar:
    return ConfigVar(value=Secret(value), is_secret=True)
