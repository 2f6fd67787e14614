"""Plain files under the data directory: deploy logs and config versions.

May import: ports, model, settings, errors, PyYAML.
"""
