"""Config versions in SOPS files, for age recipients.

``ciphertext`` has single values, ``tree`` whole documents with their MAC, ``layouts`` the file formats, ``metadata``
what a file says of itself, ``age_keys`` who can open it; ``document`` puts them together, ``secrets`` is the port.

May import: ports, model, settings, errors, cryptography, pyrage, PyYAML.
"""
