"""One machine and a cluster as one runtime: each call goes to the side on which its instance, image or volume is.

Knows the ports of both sides, not their technology.
"""
