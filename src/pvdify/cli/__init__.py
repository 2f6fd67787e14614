"""The command line, for people, CI jobs and scripts.

Each command parses its arguments into an options object and passes it to a function ``run(options, client, io)``.
Imports ``client``, ``wire`` and ``errors``; the commands about manifests also import ``manifest``. Modules that take
long to import are imported inside functions.
"""
