"""A real Kubernetes cluster on this machine, for tests: `python -m tools.cluster build|up|down|status|exec`."""
