"""systemd: keeps instances running as units of their own, and reads their logs from the journal.

``unit`` builds the text of a unit and ``commands`` what is asked of systemd; both are pure. ``instances`` and
``instance_logs`` are ports; an adapter for ``plumbing.containers`` makes the containers. May import: plumbing, ports,
model, settings, errors.
"""
