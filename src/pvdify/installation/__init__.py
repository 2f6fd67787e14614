"""Puts the server onto a machine and takes it off: ``python -m pvdify.installation ORDER``, started by the CLI.

It first looks (``doctor``), then describes (``plans`` of ``actions``), then does. May import everything below it;
nothing imports it.
"""
