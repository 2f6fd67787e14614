"""Passkeys (WebAuthn), verified with py_webauthn. May import: ports, model, errors."""
