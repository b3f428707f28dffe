"""The gateway inside Ray Serve: what answers an endpoint there, as ``releases.targets.ray`` declares it.

One **router** an endpoint is the gateway's own front door: it reads, checks, throws the coin, falls back,
captures and is killed by the same code. Only the models are elsewhere: each version has **replicas**, which
may run on other nodes, and the router asks them through a ``Remote``.

Nothing here needs a journal, a registry or the code of releases; a node needs this package and the project's
folder.
"""
