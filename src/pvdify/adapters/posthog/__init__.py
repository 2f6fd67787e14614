"""Notices as PostHog events and annotations. Imports ports, model and errors."""
