"""Cloudflare: a tunnel, its rules, and DNS records that lead into it. Imports ports, model and errors."""
