"""The machine: ports, disk, memory and control groups. May import: ports, model, settings, errors."""
