"""Images in podman's storage, the registries that they come from, and the logins for those."""
