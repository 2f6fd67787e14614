"""Instances as systemd units, one unit each, and their logs from the journal; also the units of the server itself.

``unit`` builds the text of an instance's unit, ``commands`` the arguments of systemctl and journalctl; both are pure.
``instances`` and ``instance_logs`` are ports. An implementation of ``plumbing.containers`` makes the containers.
May import: plumbing, ports, model, settings, errors.
"""
