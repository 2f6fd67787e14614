"""Access control: tokens, keyless sign-in, registry logins, age recipients, rate limits, imported config files.

May import: ``world`` and the rooms edge and deploys.
"""
