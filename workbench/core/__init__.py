"""The core is what every room needs and none owns. It imports no other room.

Records and how people write them down (``documents``), outcomes, digests, errors, the clock, the project
folder and its settings, the plug-in table.
"""
