"""Between the engine and its ports: what comes from an app's programs passes here, and no secret of it goes on.

``with_secrets_hidden`` puts these in front of the ports of a world: config as it passes is learned, and lines, errors,
deploy logs and records are told without it. May import: what the engine may.
"""
