"""Exceptions inside this package for files that cannot be opened. The ports raise ``pvdify.errors`` instead."""


class SopsRefused(Exception):
    """The file is damaged, was tampered with, or uses an unsupported feature of SOPS; the message says which."""


class NotARecipient(SopsRefused):
    """No key of this server opens the file."""
