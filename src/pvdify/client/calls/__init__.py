"""The API's requests, one module per subject; ``client.api.Client`` combines them.

May import what ``client`` may import.
"""
