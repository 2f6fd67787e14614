"""Honest in-memory adapters: they keep the promises of the ports, and the contract suites hold them to it."""
