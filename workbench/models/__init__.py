"""A model version is a fitted model, what it expects, where it came from, and the digest of its bytes.

``predictors`` gives any model one face; ``registry`` keeps versions in MLflow and their records in the
journal; ``frameworks`` are the ways a model is written to files and read back. Import from the modules
themselves: this page stays empty so that records load quickly.
"""
