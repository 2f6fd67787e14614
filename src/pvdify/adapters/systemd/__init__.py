"""systemd: keeps instances running as units of their own, and reads their logs from the journal.

``unit`` builds the text of a unit and ``commands`` what is asked of systemd; both are pure. ``supervisor`` is the port;
containers are made by whoever serves the ``containers`` port. May import: ports, model, settings, errors.
"""
