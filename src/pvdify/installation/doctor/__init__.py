"""Whether this machine can run the server, and runs it well: facts are observed, then judged; each judgement is pure.

``observe`` looks and ``parse`` understands, ``facts`` is what they find, ``judgements`` says what is missing and what
mends it, ``report`` tells. It works before anything is installed, and changes nothing.
"""
