"""Requests to services on the internet, by the httpx2 library. Imports plumbing, ports and errors."""
