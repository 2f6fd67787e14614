"""What may be asked, the plans, the steps, the runner and the reconciler.

May import: ``ports``, ``model``, ``settings``, ``errors``. Never touches the server's world except through ports.
"""
