"""Statistics: arrays in, numbers out. Nothing here knows of models, frames or traffic.

``counts``: rates by group from one table of counts, and their bootstrap. ``intervals``: of one rate or one
mean. ``ranking``: what depends on the order of scores. ``divergence``: how far two distributions are apart.
``sequential``: tests that hold whenever one looks.
"""
