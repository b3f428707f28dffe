"""An interface is a way in: a command, a panel, a widget. None imports another.

They translate, call the bench, and translate back; none decides.
"""
