"""Podman: serves the ``supervisor`` and ``images`` ports through its command line.

``commands`` builds what is run and ``parse`` understands the answers; both are pure. ``supervisor`` and ``images`` are
the ports; the other modules each do one thing for them. May import: ports, model, settings, errors.
"""
