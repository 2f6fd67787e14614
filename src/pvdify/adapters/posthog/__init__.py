"""Notices as PostHog events and annotations. May import: plumbing, ports, model, errors."""
