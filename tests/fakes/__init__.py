"""In-memory adapters that implement the ports; the contract suites check them."""
