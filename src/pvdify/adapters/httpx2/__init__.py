"""Requests to services on the internet, by the httpx2 library. Imports ports and errors."""
