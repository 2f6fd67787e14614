"""The ports of a ``Runtime``, implemented with podman's command line.

Here is what all rooms use. ``commands`` builds arguments and ``parse`` reads output, both pure; ``labels`` names what
is this server's; ``refusals`` classifies failures; ``calls`` holds the calls that several ports make; ``machine_root``
makes a file system for trials. ``stopper`` runs as a program of its own; units of an earlier version name it by this
path, so it stays here.

The rooms: ``instances`` starts, watches and stops containers; ``attached`` connects clients to them; ``logs`` reads
their output; ``images`` has podman's storage and registries; ``volumes`` and ``networks``; ``users`` has user
namespaces.

May import: plumbing, ports, model, settings, errors.
"""
