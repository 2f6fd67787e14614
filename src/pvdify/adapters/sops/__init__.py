"""Config versions and credentials in SOPS files, encrypted for age recipients.

``ciphertext`` encrypts single values, ``tree`` whole documents with their MAC, ``layouts`` reads the file formats,
``metadata`` the part named ``sops``, ``age_keys`` handles keys and recipients. ``document`` combines these modules.
``secrets`` and ``credentials`` are the ports.

May import: ports, model, settings, errors, cryptography, pyrage, PyYAML.
"""
