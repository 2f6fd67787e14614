"""The machine's own time. May import: ports, model, settings, errors."""
