"""HTTP probes of instances. May import: ports, model, settings, errors, h11."""
