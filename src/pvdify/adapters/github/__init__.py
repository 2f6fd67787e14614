"""GitHub's REST API: the few calls we need. Imports plumbing, ports, model and errors."""
