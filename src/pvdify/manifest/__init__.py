"""The manifest: what an app says of itself in its repository's ``pvdify.yml``, defined once for both sides.

The classes of ``definition`` are what everything else is made from: validation with all problems at once
(``reading``), the annotated example (``example``), the JSON Schema for editors (``schema``) and the reference page. The
server and the command line both use it, so that a check without a server says what the server would. It needs
pydantic: the command line imports it only in the commands that are about the manifest itself.

May import: ``settings``, ``errors``, pydantic, PyYAML and idna.
"""
