"""pvdify puts a container image live on your own server, and takes it back just as safely."""

__version__ = "0.1.0"
