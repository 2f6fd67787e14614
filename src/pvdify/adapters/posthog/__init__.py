"""Notices as PostHog events and annotations. Imports plumbing, ports, model and errors."""
