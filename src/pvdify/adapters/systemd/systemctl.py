"""The service manager, through the systemctl command."""

from pvdify.adapters.systemd import commands, parse
from pvdify.errors import RuntimeUnavailable
from pvdify.plumbing.command_runner import Argv, CommandRunner, Completed

SECONDS = 60.0  # the longest one call may take
_UNKNOWN = ("not loaded", "not found", "could not be found", "no such file")
_NO_BUS = "connect to bus"  # systemd itself is not there
_FAILURES = ("failed to ", "job for ")  # how lines about other failures begin


class Systemctl:
    """The system's service manager. Also implements ``plumbing.services.Services``."""

    def __init__(self, *, runner: CommandRunner) -> None:
        self._runner = runner
        self._version: int | None = None

    async def version(self) -> int:
        """Return systemd's version, cached. Raises RuntimeUnavailable."""
        if self._version is None:
            self._version = parse.version((await self.must(commands.read_version())).stdout)
        return self._version

    async def order(self, argv: Argv, *, within: float = SECONDS) -> Completed:
        """Run the command; if systemd does not know the unit, reload the unit files and run the command again.

        Returns the result whatever its exit code. Raises RuntimeUnavailable if systemd does not answer.
        """
        done = await self._runner.run(argv, timeout=within)
        if done.exit_code != 0 and is_unknown(done):
            await self.reload_units()
            done = await self._runner.run(argv, timeout=within)
        return done

    async def must(self, argv: Argv) -> Completed:
        """Run a command that should always succeed. Raises RuntimeUnavailable if it fails."""
        done = await self._runner.run(argv, timeout=SECONDS)
        if done.exit_code != 0:
            raise refused(done)
        return done

    async def start(self, unit: str) -> None:
        """See ``plumbing.services``."""
        await self._carry_out(commands.start_unit(unit))

    async def enable(self, unit: str) -> None:
        """Start the unit at each boot. Raises RuntimeUnavailable."""
        await self._carry_out(commands.enable_unit(unit))

    async def disable(self, unit: str) -> None:
        """Do not start the unit at boot; ignore a missing unit. Raises RuntimeUnavailable."""
        await self._runner.run(commands.disable_unit(unit), timeout=SECONDS)

    async def reload(self, unit: str) -> None:
        """See ``plumbing.services``."""
        await self._carry_out(commands.reload_unit(unit))

    async def restart(self, unit: str) -> None:
        """See ``plumbing.services``."""
        await self._carry_out(commands.restart_unit(unit))

    async def _carry_out(self, argv: Argv) -> None:
        done = await self.order(argv)
        if done.exit_code != 0:
            raise refused(done)

    async def reload_units(self) -> None:
        """Make systemd read changed unit files. Raises RuntimeUnavailable."""
        await self.must(commands.reload_units())

    async def stop(self, *units: str, within: float) -> None:
        """Stop the units and wait until they have stopped; ignore missing units. Raises RuntimeUnavailable."""
        done = await self._runner.run(commands.stop_units(units), timeout=within)
        if done.exit_code != 0 and not is_unknown(done):
            raise refused(done)

    async def forget_failures(self, *units: str) -> None:
        """Clear the units' failed state, so that systemd unloads those without a file. Raises RuntimeUnavailable."""
        await self._runner.run(commands.forget_failures(units), timeout=SECONDS)


def is_unknown(done: Completed) -> bool:
    """Return whether systemctl failed only because there is no such unit, for all units that it was asked about."""
    lines = [line.lower() for line in done.stderr.splitlines()]
    others = [line for line in lines if _NO_BUS in line or not any(words in line for words in _UNKNOWN)]
    return len(others) < len(lines) and not any(line.startswith(_FAILURES) for line in others)


def refused(done: Completed) -> RuntimeUnavailable:
    """Return the error for a failed command that should always succeed."""
    return RuntimeUnavailable(
        f"systemd cannot do its work on this server (`{' '.join(done.argv[:2])}`)",
        why=done.stderr.strip()[:400] or f"it ended with {done.exit_code}",
        next="`systemctl status` as root on the server shows its state; running apps keep running",
    )
