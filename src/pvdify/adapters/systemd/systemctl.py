"""Run systemctl, and report what systemd refuses."""

from pvdify.adapters.systemd import commands, parse
from pvdify.errors import RuntimeUnavailable
from pvdify.plumbing.command_runner import Argv, CommandRunner, Completed

SECONDS = 60.0
_UNKNOWN = ("not loaded", "not found", "could not be found", "no such file")


class Systemctl:
    """The system's service manager, through its own command. Implements ``plumbing.services.Services`` too."""

    def __init__(self, *, runner: CommandRunner) -> None:
        self._runner = runner
        self._version: int | None = None

    async def version(self) -> int:
        """systemd's version, asked once. Raises RuntimeUnavailable."""
        if self._version is None:
            self._version = parse.version((await self.must(commands.read_version())).stdout)
        return self._version

    async def order(self, argv: Argv, *, within: float = SECONDS) -> Completed:
        """Ask, and once more after systemd has looked for new units where it says that it knows none of this name.

        Raises RuntimeUnavailable: systemd does not answer.
        """
        done = await self._runner.run(argv, timeout=within)
        if done.exit_code != 0 and is_unknown(done):
            await self.reload_units()
            done = await self._runner.run(argv, timeout=within)
        return done

    async def must(self, argv: Argv) -> Completed:
        """Ask for what always works. Raises RuntimeUnavailable."""
        done = await self._runner.run(argv, timeout=SECONDS)
        if done.exit_code != 0:
            raise refused(done)
        return done

    async def start(self, unit: str) -> None:
        """See ``plumbing.services``."""
        await self._carry_out(commands.start_unit(unit))

    async def enable(self, unit: str) -> None:
        """It starts at each boot. Raises RuntimeUnavailable."""
        await self._carry_out(commands.enable_unit(unit))

    async def disable(self, unit: str) -> None:
        """It starts at boot no more; one that is not there is fine. Raises RuntimeUnavailable."""
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
        """Have changed unit files read. Raises RuntimeUnavailable."""
        await self.must(commands.reload_units())

    async def stop(self, *units: str, within: float) -> None:
        """None of the units runs; those that are not there are fine. Raises RuntimeUnavailable."""
        done = await self._runner.run(commands.stop_units(units), timeout=within)
        if done.exit_code != 0 and not is_unknown(done):
            raise refused(done)

    async def forget_failures(self, *units: str) -> None:
        """systemd forgets how they ended, and with their files gone the units themselves. Raises RuntimeUnavailable."""
        await self._runner.run(commands.forget_failures(units), timeout=SECONDS)


def is_unknown(done: Completed) -> bool:
    """systemd knows no unit of this name."""
    return any(words in done.stderr.lower() for words in _UNKNOWN)


def refused(done: Completed) -> RuntimeUnavailable:
    """systemd did not do what should always work."""
    return RuntimeUnavailable(
        f"systemd cannot do its work on this server (`{' '.join(done.argv[:2])}`)",
        why=done.stderr.strip()[:400] or f"it ended with {done.exit_code}",
        next="`systemctl status` as root on the server shows its state; what runs goes on running",
    )
