"""What the engine needs from the outside world, in our own words: one small Protocol a file.

May import: ``model``, ``settings``, ``errors``. Every method says what it raises; adapters raise nothing else.
"""
