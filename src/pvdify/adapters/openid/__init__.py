"""Tokens that an OpenID provider signed (RFC 7519), and its keys. Imports ports, model and errors."""
