"""Requests at a rate, sent as ``workbench traffic send`` does, every answer kept for a test to look at."""

from __future__ import annotations

from workbench.traffic.sending import Answered, Sent, send

__all__ = ["Answered", "Sent", "send"]
