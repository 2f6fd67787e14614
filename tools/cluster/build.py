"""Builds the server programs of Kubernetes from Debian's source package, with Debian's Go.

Debian has the client of Kubernetes as a package and the server as source only. Nothing is installed: the compiler and
what else is needed (etcd, containerd, kubectl) is unpacked into a folder that is removed at the end.

The build takes 4 minutes of a quiet machine with two cores, 2.4 GB of disk while it runs, and leaves 0.4 GB.
"""

import fcntl
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.cluster import programs, sources
from tools.cluster.programs import BUILT, COMPLETE, UNPACKED, Programs, Say

GO = "1.19"
PACKAGES = (f"golang-{GO}-go", f"golang-{GO}-src", "etcd-server", "containerd", "kubernetes-client")
# Debian's source is the tree of upstream's repository, where this package is made during a build.
OPENAPI_PACKAGE = "k8s.io/kubernetes/pkg/generated/openapi"
DESCRIBED = (
    "api", "apiextensions-apiserver", "apimachinery", "apiserver", "client-go", "cloud-provider", "component-base",
    "controller-manager", "kube-aggregator", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubelet",
    "metrics",
)  # fmt: skip
# Programs print the first one; the API server answers /version with the second one.
VERSION_PACKAGES = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")


class BuildFailed(Exception):
    """A command of the build failed; the message has the end of its output."""


class SourceUnavailable(BuildFailed):
    """The archive of Debian gave no source or no compiler, so there can be no cluster here."""


def build(folder: Path | None = None, say: Say = programs.say) -> Programs:
    """Return the built programs, and build them first if they are missing. A second caller waits for the first.

    Raises BuildFailed, and SourceUnavailable if nothing could be downloaded.
    A killed build leaves a folder without the mark of a complete one; the next build removes it.
    """
    folder = folder or programs.cache()
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / "build.lock", say):
        if found := programs.built(folder):
            return found
        for left in folder.glob("building-*"):
            shutil.rmtree(left)
        work = Path(folder, f"building-{os.getpid()}")
        try:
            return _Build(work=work, say=say, since=time.monotonic()).run()
        finally:
            shutil.rmtree(work, ignore_errors=True)


@contextmanager
def _locked(file: Path, say: Say) -> Iterator[None]:
    with file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another build is running: waiting for its result")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@dataclass(frozen=True, kw_only=True)
class _Build:
    work: Path
    say: Say
    since: float

    def run(self) -> Programs:
        self._prepare()
        version = self._fetch()
        self._report(f"building Kubernetes {programs.upstream(version)} from Debian's source {version}")
        self._unpack(version)
        self._generate_openapi()
        self._compile(programs.upstream(version))
        return self._keep(version)

    def _prepare(self) -> None:
        self.work.mkdir()
        sources.write_private_apt(self.work / "apt")
        for name in ("debs", "root", "tmp"):
            (self.work / name).mkdir()

    def _fetch(self) -> str:
        """Download the packages and the source; return the version of the source."""
        self._report("downloading packages")
        try:
            self._command("apt-get", "-qq", "update")
            self._command("apt-get", "-qq", "download", *PACKAGES, cwd=self.work / "debs")
            self._command("apt-get", "-qq", "--download-only", "source", "kubernetes", cwd=self.work / "debs")
        except BuildFailed as error:
            raise SourceUnavailable(f"Debian's source of Kubernetes cannot be downloaded: {error}") from error
        description = next((self.work / "debs").glob("kubernetes_*.dsc")).read_text(encoding="utf-8")
        found = re.search(r"^Version: (\S+)$", description, re.MULTILINE)
        if not found:
            raise BuildFailed("the source package of Kubernetes names no version")
        return found[1]

    def _unpack(self, version: str) -> None:
        for package in sorted((self.work / "debs").glob("*.deb")):
            self._command("dpkg-deb", "--extract", str(package), str(self.work / "root"))
        description = next((self.work / "debs").glob("kubernetes_*.dsc"))
        self._command("dpkg-source", "--no-check", "--extract", str(description), str(self._source))
        link = self.work / "go" / "src" / "k8s.io" / "kubernetes"
        link.parent.mkdir(parents=True)
        link.symlink_to(self._source)
        self._report(f"unpacked {version}")

    def _generate_openapi(self) -> None:
        self._go("install", "./vendor/k8s.io/kube-openapi/cmd/openapi-gen")
        self._command(
            str(self.work / "go" / "bin" / "openapi-gen"),
            "--input-dirs", ",".join(openapi_packages(self._source)),
            "--output-package", OPENAPI_PACKAGE,
            "--output-file-base", "zz_generated.openapi",
            "--go-header-file", "vendor/k8s.io/code-generator/hack/boilerplate.go.txt",
            "--report-filename", str(self.work / "violations"),
            cwd=self._tree,
        )  # fmt: skip
        self._report("generated the description of the API")

    def _compile(self, version: str) -> None:
        flags = f"-s -w {version_flags(version)}"
        commands = (f"./cmd/{name}" for name in BUILT)
        self._go("install", "-trimpath", "-tags", "providerless,dockerless", "-ldflags", flags, *commands)
        self._report("compiled")

    def _keep(self, version: str) -> Programs:
        """Put the programs together and move them to their place in one step."""
        kept = self.work / "kept"
        (kept / "bin").mkdir(parents=True)
        for name in BUILT:
            shutil.copy2(self.work / "go" / "bin" / name, kept / "bin" / name)
        for name in UNPACKED:
            shutil.copy2(self.work / "root" / "usr" / "bin" / name, kept / "bin" / name)
        self._check_version(kept / "bin" / "kube-apiserver", version)
        (kept / COMPLETE).touch()
        place = self.work.parent / f"k8s-{version}"
        shutil.rmtree(place, ignore_errors=True)
        kept.rename(place)
        self._report(f"ready: {place}")
        return Programs(folder=place)

    def _check_version(self, program: Path, version: str) -> None:
        said = self._command(str(program), "--version").strip()
        if said != f"Kubernetes v{programs.upstream(version)}":
            raise BuildFailed(f"{program.name} is of version {said!r}, not {programs.upstream(version)}")

    @property
    def _source(self) -> Path:
        return self.work / "source"

    @property
    def _tree(self) -> Path:
        """The source below GOPATH, where a build without modules must stand."""
        return self.work / "go" / "src" / "k8s.io" / "kubernetes"

    def _go(self, *arguments: str) -> None:
        self._command("go", *arguments, cwd=self._tree)

    def _command(self, *argv: str, cwd: Path | None = None) -> str:
        here = cwd or self.work
        done = subprocess.run(
            argv, check=False, cwd=here, env=self._environment(here), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, errors="replace",
        )  # fmt: skip
        if done.returncode != 0:
            raise BuildFailed(
                f"{argv[0]} {argv[1]} exited with {done.returncode}:\n{(done.stdout + done.stderr)[-3000:]}"
            )
        return done.stdout

    def _environment(self, here: Path) -> dict[str, str]:
        go_root = self.work / "root" / "usr" / "lib" / f"go-{GO}"
        own = {
            "APT_CONFIG": str(self.work / "apt" / "apt.conf"),
            "GOROOT": str(go_root),
            "GOPATH": str(self.work / "go"),
            "GOCACHE": str(self.work / "gocache"),
            "GOTMPDIR": str(self.work / "tmp"),
            "TMPDIR": str(self.work / "tmp"),
            "HOME": str(self.work),
            "PATH": f"{go_root}/bin:{os.environ.get('PATH', '/usr/bin:/bin')}",
            "PWD": str(here),  # Go resolves the link to the source without it, and finds itself outside of GOPATH
            "GO111MODULE": "off",
            "GOFLAGS": "",
            "CGO_ENABLED": "0",
            "LC_ALL": "C.UTF-8",
        }
        return {**os.environ, **own}

    def _report(self, text: str) -> None:
        self.say(f"[{time.monotonic() - self.since:.0f} s] {text}")


def openapi_packages(source: Path) -> list[str]:
    """The Go packages whose types the API describes: those with the generator's tag.

    The folders in ``vendor/k8s.io`` are links to other folders of the source.
    """
    roots = [source / "pkg", *(source / "vendor" / "k8s.io" / name for name in DESCRIBED)]
    folders = (Path(folder) for root in roots for folder, _, _ in os.walk(root, followlinks=True))
    tagged = (each.relative_to(source) for each in folders if "testdata" not in each.parts and _has_tag(each))
    return [f"k8s.io/kubernetes/{each}" for each in sorted(tagged)]


def _has_tag(folder: Path) -> bool:
    return any(b"+k8s:openapi-gen=" in file.read_bytes() for file in folder.glob("*.go") if file.is_file())


def version_flags(version: str) -> str:
    """Linker flags that set the version; each package is compiled in under two names when it is vendored."""
    major, minor, _ = version.split(".", maxsplit=2)
    values = {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor}
    places = (place for name in VERSION_PACKAGES for place in (name, f"k8s.io/kubernetes/vendor/{name}"))
    return " ".join(f"-X {place}.{name}={value}" for place in places for name, value in values.items())
