"""Podman: serves the ports of a ``Runtime`` through its command line.

``commands`` builds what is run and ``parse`` understands the answers; both are pure. ``instances``,
``instance_logs``, ``inspector``, ``networks``, ``images``, ``volumes``, ``registry_logins``, ``one_offs``, ``inside``
are the ports; the other modules each do one thing for them. May import: plumbing, ports, model, settings, errors.
"""
