"""Statistics: arrays in, numbers out. Nothing here knows of models, frames or traffic.

``counts``: rates by group from one table of counts, and their bootstrap. ``intervals``: of one rate or one
mean. ``ranking``: what depends on the order of scores. ``divergence``: how far two distributions are apart.
``sequential``: tests that hold whenever one looks. ``windows``: of a stream, one by one, at a stated rate of
alarms. ``two_sample``: samples told apart by a classifier. ``label_free``: performance without labels.
"""
