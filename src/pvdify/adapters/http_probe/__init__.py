"""HTTP questions to instances. May import: ports, model, settings, errors, h11."""
