"""What the API and the dashboard share: request ids, timing, sign-in by token, limits, problems, streams.

May import: ``engine``, ``wire``, ``model``, ``settings``, ``errors`` and Starlette. Knows neither ``api`` nor
``dashboard``.
"""
