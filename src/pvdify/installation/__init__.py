"""Install the server on a machine, and remove it: ``python -m pvdify.installation ORDER``, started by the CLI.

The program first checks the machine (``doctor``), then builds a plan (``plans`` of ``actions``), then carries it out.
May import every layer below; no other package imports this one.
"""
