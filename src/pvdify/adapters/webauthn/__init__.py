"""Passkeys (WebAuthn), checked by py_webauthn. Imports ports, model and errors."""
