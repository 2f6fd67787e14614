"""Plain files in the data directory: logs of deploys and jobs, files of backups, and the tunnel's token.

May import: ports, model, settings, errors.
"""
