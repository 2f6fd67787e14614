"""Streams of a volume's files between a helper pod and this machine: tar on both ends; pure.

Each end proves that a stream is complete, as tar accepts an archive that stops between two files: a stream from the pod
ends with the exit code of its tar, and a stream to the pod has a last directory that must be there afterwards.
"""

from pathlib import Path

from pvdify.plumbing.command_runner import Argv

MOUNT = "/volume"  # where the helper has the volume
LAST = ".pvdify-complete"
COMPLETE = b"pvdify: complete"
HAS_CONTENT = 90  # exit code
_ENDING = b"\npvdify: tar ended with "
_CODE_DIGITS = 3

# GNU tar ends with 1 if a file changed while it was read; busybox ends with 1 for every error.
READ = f"""tar -C {MOUNT} -cf - .; code=$?
if [ $code = 1 ]; then case "$(tar --version 2>/dev/null)" in *GNU*) code=0;; esac; fi
printf '\\npvdify: tar ended with %03d\\n' $code
exit $code"""

IS_EMPTY = f"""for each in {MOUNT}/* {MOUNT}/.[!.]* {MOUNT}/..?*; do
if [ "$each" != {MOUNT}/lost+found ] && {{ [ -e "$each" ] || [ -L "$each" ]; }}; then exit {HAS_CONTENT}; fi
done"""

WRITE = f"""tar -C {MOUNT} -xpf - || exit
rmdir {MOUNT}/{LAST} && sync && echo '{COMPLETE.decode()}'"""


def pack(content: Path) -> Argv:
    """Return the command that writes a directory's content to stdout as an archive that ends with ``LAST``."""
    # flags rSH: rename this one entry only, and change no target of a link
    return (
        "tar", "--create", "--file=-", "--format=gnu", "--numeric-owner", f"--directory={content}",
        f"--transform=flags=rSH;s,^proc$,{LAST},", ".", "--directory=/", "--no-recursion", "proc",
    )  # fmt: skip


def unpack(into: Path) -> Argv:
    """Return the command that reads an archive from stdin, with owners by number, modes and times."""
    return (
        "tar", "--extract", "--file=-", "--numeric-owner", "--same-owner", "--same-permissions",
        "--delay-directory-restore", f"--directory={into}",
    )  # fmt: skip


class Ending:
    """Separates the archive from the ending that ``READ`` writes after it."""

    def __init__(self) -> None:
        self._held = b""
        self._size = len(_ENDING) + _CODE_DIGITS + 1

    def take(self, piece: bytes) -> bytes:
        """Return what certainly belongs to the archive; keep back what may be the ending."""
        held = self._held + piece
        self._held = held[-self._size :]
        return held[: -self._size]

    @property
    def code(self) -> int | None:
        """The exit code of the pod's tar; None if the stream was cut."""
        code = self._held.removeprefix(_ENDING).removesuffix(b"\n")
        is_whole = self._held.startswith(_ENDING) and len(code) == _CODE_DIGITS and code.isdigit()
        return int(code) if is_whole else None
