"""Notices as webhooks, for programs and for chat rooms. Imports ports, model and errors."""
