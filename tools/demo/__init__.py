"""A server, a registry and a sample app on this machine: deploy, refuse and roll back under load, with the numbers.

`stage.py` sets everything up and takes it down; `__main__.py` runs the demonstration.
"""
