"""User namespaces: which users of this host each app's containers have, and whether this host supports them."""
