"""The ports of a ``Runtime``, implemented with podman's command line.

``commands`` builds the arguments and ``parse`` reads the output; both are pure. ``instances``, ``instance_logs``,
``inspector``, ``networks``, ``images``, ``volumes``, ``registry_logins``, ``one_offs``, ``inside`` are the ports; the
other modules each do one thing for them. May import: plumbing, ports, model, settings, errors.
"""
