"""The networks of apps and services, and those between two of them."""
