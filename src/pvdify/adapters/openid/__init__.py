"""Verification of tokens that an OpenID provider signed (RFC 7519), and OpenID Connect sign-in.

May import: plumbing, ports, model, errors.
"""
