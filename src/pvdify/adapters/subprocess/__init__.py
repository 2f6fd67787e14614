"""Starting programs: the only package that does. May import: plumbing, ports, model, settings, errors."""
