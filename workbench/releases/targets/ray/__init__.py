"""Ray Serve as a target: one application a version, and one router an endpoint in front of them.

* ``config`` - what is declared to Serve; pure, so that it can be reviewed and tested with nothing running.
* ``dashboard`` - the two requests by which it is declared and read back.
* ``cluster`` - the token, and the command that starts Ray where there is none.
* ``target`` - ``Ray``, which keeps the contract of a target.

What runs inside Ray is ``workbench.gateway.ray``.
"""
