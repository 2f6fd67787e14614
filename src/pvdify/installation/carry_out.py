"""Carry out a plan: only what is not done yet, and report each action when it is done."""

from collections.abc import Sequence
from pathlib import Path

from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io
from pvdify.errors import InstallationFailed, storage_error
from pvdify.installation.actions import Action
from pvdify.installation.machine import Machine


def carry_out(actions: Sequence[Action], machine: Machine, io: Io) -> tuple[str, ...]:
    """Do what is not done; what was done. Raises InstallationFailed, RuntimeUnavailable; what was done stays.

    An action is looked at when its turn comes: whether a unit has to be started anew depends on those before it.
    """
    done = []
    for action in actions:
        try:
            if action.is_done(machine):
                continue
            action.apply(machine)
        except OSError as error:
            raise _refused(action, error) from error
        io.say(f"  {action.describe()}")
        done.append(action.describe())
    return tuple(done)


def outlook(actions: Sequence[Action], machine: Machine) -> tuple[str, ...]:
    """What ``carry_out`` would do, as the machine is now; nothing is changed. Raises as it does."""
    due, touched = [], set[Path]()
    for action in actions:
        try:
            is_due = bool(touched & set(action.follows)) or not action.is_done(machine)
        except OSError as error:
            raise _refused(action, error) from error
        if is_due:
            due.append(action.describe())
            touched |= set(action.touches)
    return tuple(due)


def _refused(action: Action, error: OSError) -> InstallationFailed:
    again = "correct that and run the same command again, which goes on from here"
    return storage_error(InstallationFailed, f"cannot {action.describe()}", error, next=again)


def show_outlook(due: Sequence[str], io: Io, *, as_json: bool) -> int:
    """Print what would be done; return the exit code."""
    if as_json:
        io.show_json({"would": list(due)})
    elif due:
        io.show("\n".join(due))
        io.say("nothing was changed; without --dry-run this is done")
    else:
        io.show("nothing to do")
    return DONE


def read(file: Path) -> str | None:
    """The text of a file; None: there is none. Raises InstallationFailed."""
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise InstallationFailed(f"{file} cannot be read", why=str(error), next="correct or remove it") from error
