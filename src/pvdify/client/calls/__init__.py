"""The questions that one can ask the API, by subject; ``client.api.Client`` has them all.

Imports what ``client`` may import.
"""
