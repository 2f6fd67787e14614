"""The interfaces between the engine and the outside world, one small Protocol per file, in pvdify's own terms.

May import: ``model``, ``settings``, ``errors``. Every method documents the errors it raises; adapters raise no others.
"""
