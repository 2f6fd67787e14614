"""The machine's clock. May import: ports, model, settings, errors."""
