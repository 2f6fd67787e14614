"""Cloudflare: a tunnel, its rules, and DNS records that point to it. Imports plumbing, ports, model and errors."""
