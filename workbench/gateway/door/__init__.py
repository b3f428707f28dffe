"""The front door of the gateway: who may come in, what they may ask for, and how often.

A request passes the door before a byte of its body is read: its host name, the page it comes from, its key
or token, the quota, the scope. That costs microseconds, and a look at a file four times a second. ``front``
puts the parts together from the settings, ``middleware`` stands before the application.
"""

from __future__ import annotations
