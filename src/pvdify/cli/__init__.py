"""The command line: what a person, a CI job or a script types.

Each command parses into a plain options object and hands it to one ``run(options, client, io)``. Imports ``client``,
``wire`` and ``errors``, and in the commands about the manifest itself ``manifest``; what costs start-up time is
imported where it is needed.
"""
