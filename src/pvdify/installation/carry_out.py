"""Carry out a plan: apply the actions that are not done yet, and report each."""

from collections.abc import Sequence
from pathlib import Path

from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io
from pvdify.errors import InstallationFailed, storage_error
from pvdify.installation.actions import Action
from pvdify.installation.machine import Machine


def carry_out(actions: Sequence[Action], machine: Machine, io: Io) -> tuple[str, ...]:
    """Apply the actions that are not done yet, and return their descriptions.

    Each action is checked just before its turn: whether a unit has to be restarted depends on the actions before it.
    Raises InstallationFailed, RuntimeUnavailable; actions that were applied before the failure stay.
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
    """Return descriptions of the actions that ``carry_out`` would apply now, and change nothing.

    Raises InstallationFailed, RuntimeUnavailable.
    """
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
    again = "fix that and run the same command again; it continues from here"
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
    """Return the text of a file; None if the file does not exist. Raises InstallationFailed."""
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise InstallationFailed(f"{file} cannot be read", why=str(error), next="correct or remove it") from error
