"""Check whether this machine can run the server, and runs it well.

``observe`` collects the facts with the parsers of ``parse``; ``facts`` has their types. ``judgements`` has one pure
function per check, which finds what is missing and the command that repairs it. ``report`` prints the checks. The
doctor also works before anything is installed, and changes nothing on the machine.
"""
