"""Testing: what a test needs that is not the thing under test, for us and for plug-in authors.

Contract suites to subclass (``audits``, ``frameworks``, ``targets``), tiny real models that misbehave on
request (``models``), a subject for an audit (``subjects``), a clock one can move (``clock``), real gateways
and honest clients (``gateway``, ``traffic``), and data and records with a story (``lending``, ``showcase``).
Import from the modules themselves: some need pytest.
"""
