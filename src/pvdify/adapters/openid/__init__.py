"""Tokens that an OpenID provider signed (RFC 7519), and its keys. Imports plumbing, ports, model and errors."""
