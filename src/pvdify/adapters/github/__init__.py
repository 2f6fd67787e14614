"""GitHub's REST API: the few calls we need. Imports ports, model and errors."""
