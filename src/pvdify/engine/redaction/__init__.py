"""Remove secrets from everything that an app's programs write, before the engine sees it.

``with_secrets_hidden`` puts these in front of the ports of a world. They learn secrets from config as it is read and
written, and hide them in lines, errors, deploy logs and records. May import: ``world``; no other room of the engine.
"""
