import json
from pathlib import Path

import pytest

from tools.cluster import build, storage
from tools.cluster.build import SourceUnavailable
from tools.cluster.credentials import Credentials
from tools.cluster.layout import BadName, Layout, name_of_checkout
from tools.cluster.programs import COMPLETE, Programs, built, upstream
from tools.cluster.sources import with_sources, write_private_apt

CLAIM = {
    "metadata": {"name": "data", "namespace": "shop", "uid": "1-2-3"},
    "spec": {
        "storageClassName": "standard",
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
    },
}
ON_ONE = {
    "metadata": {**CLAIM["metadata"], "annotations": {storage.SELECTED_NODE: "n2"}},
    "spec": {**CLAIM["spec"], "storageClassName": "local-path"},
}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PVDIFY_TEST_CACHE", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("debian", "expected"),
    [("1.20.5+really1.20.2-1.1", "1.20.2"), ("1.20.5+really1.20.2-1", "1.20.2"), ("1.32.3+ds-2", "1.32.3")],
)
def test_the_version_of_kubernetes_is_in_that_of_debian(debian: str, expected: str) -> None:
    assert upstream(debian) == expected


def test_sources_in_the_new_format_get_their_source_packages() -> None:
    text = "Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm\nComponents: main\n"

    assert with_sources(text, one_line=False) == text.replace("Types: deb\n", "Types: deb deb-src\n")


def test_sources_in_one_line_get_their_source_packages_once() -> None:
    text = "# one\ndeb [signed-by=/k.gpg] http://deb.example/debian bookworm main\ndeb-src http://x.example y z\n"

    assert with_sources(text, one_line=True).splitlines() == [
        "deb [signed-by=/k.gpg] http://deb.example/debian bookworm main",
        "deb-src [signed-by=/k.gpg] http://deb.example/debian bookworm main",
    ]


def test_a_private_apt_has_the_sources_of_the_system_and_none_of_its_state(tmp_path: Path) -> None:
    system = tmp_path / "etc"
    (system / "sources.list.d").mkdir(parents=True)
    (system / "sources.list").write_text("deb http://one.example a b\n")
    (system / "sources.list.d" / "two.sources").write_text("Types: deb\nURIs: http://two.example\n")
    (system / "sources.list.d" / "old.list.disabled").write_text("deb http://three.example a b\n")

    write_private_apt(tmp_path / "apt", system)

    parts = {file.name: file.read_text() for file in (tmp_path / "apt" / "parts").iterdir()}
    assert set(parts) == {"sources.list", "two.sources"}
    assert "deb-src http://one.example a b" in parts["sources.list"]
    assert "Types: deb deb-src" in parts["two.sources"]
    assert f'Dir::State "{tmp_path}/apt/state";' in (tmp_path / "apt" / "apt.conf").read_text()


def test_only_complete_builds_are_used(cache: Path) -> None:
    (cache / "k8s-1.20.5+really1.20.2-1").mkdir()
    assert built(cache) is None

    (cache / "k8s-1.20.5+really1.20.2-1" / COMPLETE).touch()

    assert built(cache) == Programs(folder=cache / "k8s-1.20.5+really1.20.2-1")


def test_a_complete_build_is_not_built_again(cache: Path) -> None:
    (cache / "k8s-1").mkdir()
    (cache / "k8s-1" / COMPLETE).touch()

    assert build.build(cache, say=lambda _: pytest.fail("it builds")).folder == cache / "k8s-1"


def test_a_build_that_fails_says_why_and_leaves_neither_its_folder_nor_that_of_a_killed_one(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cache / "building-1").mkdir()
    broken = cache / "bin"
    broken.mkdir()
    (broken / "apt-get").write_text("#!/bin/sh\necho 'no such mirror' >&2\nexit 100\n")
    (broken / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", f"{broken}:/usr/bin:/bin")

    with pytest.raises(SourceUnavailable, match=r"apt-get -qq exited with 100:\nno such mirror"):
        build.build(cache, say=lambda _: None)

    assert list(cache.glob("building-*")) == []


def test_the_description_of_the_api_is_made_from_tagged_packages(tmp_path: Path) -> None:
    for name, text in {
        "pkg/apis/meta/doc.go": "// +k8s:openapi-gen=true",
        "pkg/apis/other/doc.go": "package other",
        "pkg/apis/meta/testdata/x.go": "// +k8s:openapi-gen=true",
        "staging/src/k8s.io/api/core/v1/doc.go": "// +k8s:openapi-gen=true",
        "vendor/k8s.io/kube-openapi/cmd/main.go": "// +k8s:openapi-gen=true",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "vendor/k8s.io/api").symlink_to("../../staging/src/k8s.io/api")

    assert build.openapi_packages(tmp_path) == [
        "k8s.io/kubernetes/pkg/apis/meta",
        "k8s.io/kubernetes/vendor/k8s.io/api/core/v1",
    ]


def test_the_version_is_set_under_both_names_of_its_package() -> None:
    flags = build.version_flags("1.20.2")

    assert "-X k8s.io/component-base/version.gitVersion=v1.20.2" in flags
    assert "-X k8s.io/kubernetes/vendor/k8s.io/component-base/version.gitMinor=20" in flags


@pytest.mark.parametrize("name", ["", "Shop", "a-b", "a" * 17, "../x"])
def test_a_name_fits_into_those_of_namespaces_and_cgroups(name: str) -> None:
    with pytest.raises(BadName):
        Layout(name=name)


def test_two_checkouts_have_clusters_of_different_names() -> None:
    names = {name_of_checkout(Path("/one")), name_of_checkout(Path("/two"))}

    assert len(names) == 2
    assert all(Layout(name=name) for name in names)


def test_addresses_of_machines_are_all_different() -> None:
    layout = Layout(name="x", nodes=9)

    machines = dict(layout.machines)

    assert len(set(machines.values())) == len(machines) == 11
    assert len({node.pods for node in layout.workers}) == 9


def test_credentials_are_for_their_owner_alone() -> None:
    layout = Layout(name="x")

    Credentials(layout).write()

    config = json.loads(layout.kubeconfig.read_text())
    token = config["users"][0]["user"]["token"]
    assert f"{token},admin,admin," in (layout.folder / "credentials" / "tokens.csv").read_text()
    secret = [layout.kubeconfig, *layout.folder.glob("credentials/*.key"), layout.folder / "credentials/tokens.csv"]
    assert {file.stat().st_mode & 0o077 for file in secret} == {0}


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        (CLAIM, True),
        (ON_ONE, True),
        ({**ON_ONE, "metadata": CLAIM["metadata"]}, False),
        ({**CLAIM, "spec": {**CLAIM["spec"], "volumeName": "pvc-1"}}, False),
        ({**CLAIM, "metadata": {**CLAIM["metadata"], "deletionTimestamp": "now"}}, False),
        ({**CLAIM, "spec": {**CLAIM["spec"], "storageClassName": "other"}}, False),
    ],
    ids=["any worker", "worker chosen", "no worker yet", "bound", "going", "another class"],
)
def test_a_volume_is_made_for_claims_that_wait_for_one(claim: storage.Object, expected: bool) -> None:
    assert storage.waits_for_volume(claim) is expected


@pytest.mark.parametrize(("claim", "workers"), [(CLAIM, ["n1", "n2"]), (ON_ONE, ["n2"])])
def test_a_volume_may_be_used_where_its_class_says(claim: storage.Object, workers: list[str]) -> None:
    volume = storage.volume_for(claim, ["n1", "n2"])

    term = volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"][0]["matchExpressions"][0]
    assert term["values"] == workers
    assert volume["spec"]["claimRef"]["uid"] == "1-2-3"


def test_foreign_volumes_are_never_removed() -> None:
    own = storage.volume_for(CLAIM, ["n1"])

    assert storage.is_left({**own, "status": {"phase": "Released"}})
    assert not storage.is_left({**own, "status": {"phase": "Bound"}})
    assert not storage.is_left({"metadata": {"name": "theirs"}, "status": {"phase": "Released"}})


def test_one_storage_class_is_the_default() -> None:
    annotations = [each["metadata"]["annotations"] for each in storage.classes()]

    assert [each["storageclass.kubernetes.io/is-default-class"] for each in annotations] == ["true", "false"]
