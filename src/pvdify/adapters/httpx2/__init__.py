"""Requests to services on the internet, with the httpx2 library. Imports plumbing, ports and errors."""
