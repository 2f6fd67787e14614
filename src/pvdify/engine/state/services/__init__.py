"""Services: requests about them, their containers, links to apps, upgrades, and the keeper that carries out requests.

Imports what ``state`` may import, and nothing else of ``state``.
"""
