"""The only package that starts programs. May import: plumbing, ports, model, settings, errors."""
