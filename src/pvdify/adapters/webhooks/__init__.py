"""Notices as webhooks, for programs and for chat rooms. Imports plumbing, ports, model and errors."""
