"""Why a file is not opened. Inside this package only: the port has errors for people."""


class SopsRefused(Exception):
    """The file is damaged, was tampered with, or uses something of SOPS that is not supported; says which."""


class NotARecipient(SopsRefused):
    """None of our keys opens the file."""
