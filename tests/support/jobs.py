"""An image of programs that finish their job when they are asked to stop, and every way to start them."""

import hashlib
import io
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tests.support.images import image_id

BASE, REPOSITORY = "localhost/pvdify-sample-base:2", "localhost/pvdify-test-jobs"
INITS = ("tini", "dumb-init", "catatonit")

# With MARKS set, each line also has the instance and the time of a clock that all containers share.
SAY = """\
mark = lambda: f" {os.environ['PVDIFY_INSTANCE']} {time.monotonic_ns()}" if "MARKS" in os.environ else ""
def say(word): os.write(1, f"{name} {word}{mark()}\\n".encode())  # print may not be interrupted by itself
"""
# Says what happens to it on stdout, at once. A job takes 0.3 s from the signal on, and is lost when it is cut.
JOB = f"""\
import os, signal, sys, time
name = sys.argv[1]
{SAY}
def end(number, frame):
    say("hears " + signal.Signals(number).name)
    time.sleep(0.3)
    say("finished")
    os._exit(0)
for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT): signal.signal(number, end)
say("up")
while True: time.sleep(60)
"""

# A worker that forks a child for each job, as RQ does (the child has no handler) or Celery (it ends at once).
POOL = f"""\
import os, signal, sys, time
name, kind = sys.argv[1:]
{SAY}
asked = []
signal.signal(signal.SIGTERM, lambda *_: asked.append(1))
signal.pthread_sigmask(signal.SIG_BLOCK, {{signal.SIGUSR1}})  # waits for the child to wait for it
child = os.fork()
if child == 0:
    signal.signal(signal.SIGTERM, signal.SIG_DFL if kind == "plain" else lambda *_: os._exit(1))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    say("up")
    signal.sigwait({{signal.SIGUSR1}})
    time.sleep(0.3)
    say("finished")
    os._exit(0)
while not asked: time.sleep(0.01)
say("hears SIGTERM")
os.kill(child, signal.SIGUSR1)
os.waitpid(child, 0)
"""
WRAPPER = "#!/bin/sh\necho preparing\npython3 /job.py one\necho next\n"


@dataclass(frozen=True, kw_only=True)
class Spelling:
    """A command as a manifest may have it, and the jobs that it runs."""

    command: str | tuple[str, ...]
    jobs: tuple[str, ...] = ("one",)
    has_init: bool = True


SPELLINGS = {
    "list": Spelling(command=("/usr/bin/python3", "/job.py", "one")),
    "string": Spelling(command="python3 /job.py one"),
    "exec": Spelling(command="exec python3 /job.py one"),
    "dash": Spelling(command=("/bin/dash", "-c", "python3 /job.py one")),
    "bash": Spelling(command=("/bin/bash", "-c", "python3 /job.py one; echo next")),
    "pipe": Spelling(command="python3 /job.py one | cat"),
    "reader": Spelling(command="python3 /job.py one | while read line; do echo $line; done"),
    "background": Spelling(command="python3 /job.py one & wait"),
    "two": Spelling(command="python3 /job.py one & python3 /job.py two & wait", jobs=("one", "two")),
    "abandoned": Spelling(command="(python3 /job.py one &) ; exec python3 /job.py two", jobs=("one", "two")),
    "sequence": Spelling(command="python3 /job.py one; echo next"),
    "loop": Spelling(command="while true; do python3 /job.py one; echo next; done"),
    "xargs": Spelling(command="echo one next | xargs -n 1 python3 /job.py"),
    "script": Spelling(command=("/wrapper.sh",)),
    "trap": Spelling(command="trap 'exit 0' TERM; python3 /job.py one & wait"),
    "nested": Spelling(command="sh -c 'sh -c \"python3 /job.py one | cat\"; echo next' | cat"),
    "fork": Spelling(command=("/usr/bin/python3", "/pool.py", "one", "plain")),
    "pool": Spelling(command="python3 /pool.py one handles"),
    "no init": Spelling(command=("/usr/bin/python3", "/job.py", "one"), has_init=False),
    "no init, string": Spelling(command="python3 /job.py one; echo next", has_init=False),
    **{
        name: Spelling(command=(f"/usr/bin/{name}", "--", "/bin/dash", "-c", "python3 /job.py one | cat"))
        for name in INITS
        if shutil.which(name)
    },
}


def build_jobs_image() -> str:
    """The id of an image with Python, busybox, dash, bash and the programs above; its STOPSIGNAL is the default."""
    archive = _archive()
    name = f"{REPOSITORY}:{hashlib.sha256(archive).hexdigest()[:12]}"
    if subprocess.run(("podman", "image", "exists", name), check=False).returncode != 0:
        if subprocess.run(("podman", "image", "exists", BASE), check=False).returncode != 0:
            subprocess.run(("tools/build-sample", "base"), check=True, capture_output=True)
        containerfile = f"FROM {BASE}\nADD jobs.tar /\n"
        _build(name, containerfile, archive)
    return image_id(name)


def with_stop_signal(name: str, image: str) -> str:
    """The id of the same image with another STOPSIGNAL."""
    tag = f"{REPOSITORY}:{name.lower()}"
    _build(tag, f"FROM {image}\nSTOPSIGNAL {name}\n", b"")
    return image_id(tag)


def with_marks(version: str, image: str) -> str:
    """The tag of a version of the image whose programs write MARKS."""
    tag = f"{REPOSITORY}:marks-{version}"
    _build(tag, f"FROM {image}\nENV MARKS=1 VERSION={version}\n", b"")
    return tag


def _build(tag: str, containerfile: str, archive: bytes) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as context:
        _add(context, "Containerfile", containerfile.encode())
        _add(context, "jobs.tar", archive)
    command = ("podman", "build", "--quiet", "--no-cache", "--layers=false", "--timestamp", "0", "--tag", tag, "-")
    subprocess.run(command, input=buffer.getvalue(), check=True, capture_output=True)


def _archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        _add(archive, "job.py", JOB.encode())
        _add(archive, "pool.py", POOL.encode())
        _add(archive, "wrapper.sh", WRAPPER.encode(), mode=0o755)
        for path in (Path("/bin/dash"), Path("/bin/bash"), *_libraries("/bin/bash")):
            _add(archive, str(path)[1:], path.read_bytes(), mode=0o755)
        for init in filter(shutil.which, INITS):
            _add(archive, f"usr/bin/{init}", Path(shutil.which(init) or "").read_bytes(), mode=0o755)
    return buffer.getvalue()


def _libraries(program: str) -> list[Path]:
    """What bash needs besides the libraries of the base."""
    said = subprocess.run(("ldd", program), check=True, capture_output=True, text=True).stdout
    return [Path(word) for word in said.split() if word.startswith("/lib/") and "tinfo" in word]


def _add(archive: tarfile.TarFile, name: str, data: bytes, *, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), mode
    archive.addfile(entry, io.BytesIO(data))
