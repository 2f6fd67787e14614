"""The three results of a check, each with its finding; a problem has the command that repairs it."""

from pvdify.wire.answers import Check


def ok(name: str, text: str) -> Check:
    """Return a check without a problem."""
    return Check(name=name, state="ok", text=text)


def warning(name: str, text: str, repair: str) -> Check:
    """Return a check with a problem that pvdify can run with."""
    return Check(name=name, state="warning", text=text, next=repair)


def broken(name: str, text: str, repair: str) -> Check:
    """Return a check with a problem that pvdify cannot run with."""
    return Check(name=name, state="broken", text=text, next=repair)


def amount(count: float) -> str:
    """Return bytes as ``1.5 GB`` or ``200 MB``, in powers of 1024."""
    return f"{count / 1024**3:.1f} GB" if count >= 1024**3 else f"{max(count, 0) // 1024**2:.0f} MB"
