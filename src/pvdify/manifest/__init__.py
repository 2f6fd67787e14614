"""The manifest: the ``pvdify.yml`` in an app's repository. Server and command line share this definition.

The classes of ``definition`` are the source of everything else: validation that reports all problems at once
(``reading``), the annotated example (``example``), the JSON Schema for editors (``schema``) and the reference page. The
command line checks a manifest without a server and gets the server's result. The package needs pydantic; the command
line imports it only in commands about the manifest.

May import: ``settings``, ``errors``, pydantic, PyYAML and idna.
"""
