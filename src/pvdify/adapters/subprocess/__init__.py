"""Starting programs: the only package that does. May import: ports, model, settings, errors."""
