"""Cloudflare: a tunnel, its rules, and DNS records that lead into it. Imports plumbing, ports, model and errors."""
