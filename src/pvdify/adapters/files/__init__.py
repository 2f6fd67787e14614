"""Plain files under the data directory: deploy logs, and the token of the tunnel.

May import: ports, model, settings, errors.
"""
