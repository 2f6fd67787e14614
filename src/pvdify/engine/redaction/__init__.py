"""Remove secrets from everything that an app's programs write, before the engine reads or stores it.

``with_secrets_hidden`` wraps the ports of a world. The wrappers learn secrets when config vars are read and written,
and hide them in lines, errors, deploy logs and records. May import: ``world``; no other room of the engine.
"""
