"""Deliver events to webhooks, chats, GitHub and PostHog, and keep a log of the deliveries.

May import: ``world``; no other room of the engine.
"""
