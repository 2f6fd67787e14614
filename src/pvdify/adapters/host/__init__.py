"""The machine: ports, disk and memory. May import: ports, model, settings, errors."""
