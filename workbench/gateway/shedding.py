"""What is given up first when requests pile up: copies for the shadow, then the candidate, the champion last.

Measured by the requests under way in the gateway as a whole. Above half of what it takes, the shadow gets no
copies. Above three quarters, requests of the candidate are turned away (503 with ``Retry-After``). At the
limit, all are.

Why no such request counts for an arm, and why the champion does not answer the candidate's instead: a
comparison holds only where each counted request had the probability ρ to be the candidate's. While the
candidate is spared, the champion alone would meet the hard times, and every time-out in them would count
against it; and a candidate whose requests the champion takes over would look as good as the champion. So the
load is looked at *before* the coin counts: above three quarters every request is outside the comparison (arm
``none``), the champion's that are answered like the candidate's that are not. What decides is the load when
the request arrives, which no coin of this request has touched; among those that count the candidate's share
stays ρ, and the kernel's bound holds, also when it is the candidate that piles them up. What is lost is
exposure: under lasting overload a release ends inconclusive, never passed.
"""

from __future__ import annotations


class Load:
    """Requests under way.

    Args:
        most: requests that may be under way at once.
    """

    def __init__(self, most: int) -> None:
        self.under_way = 0
        """To be counted up when a request is taken, and down when it has ended."""
        self._most = most
        self._half = most / 2
        self._high = most * 3 / 4

    @property
    def copies(self) -> bool:
        """Whether the shadow gets copies."""
        return self.under_way <= self._half

    @property
    def calm(self) -> bool:
        """Whether one more request is served in both arms, and counts."""
        return self.under_way < self._high

    @property
    def full(self) -> bool:
        """Whether one more request is turned away, whoever's it is."""
        return self.under_way >= self._most
