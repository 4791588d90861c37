# SPDX-License-Identifier: MIT
"""What a link may ask for: docs/PROTOCOL.md, sections 8 and 14."""

from . import records as r
from .origins import now

A_SECOND = {r.IHAVE: 5000, r.GRAFT: 1000, r.WALK: 10, r.SHUFFLE: 2,
            r.SYNC: 10}
SYNC_FREE_S = 10
NEW_ORIGINS, NEW_ORIGINS_AT_ONCE = 500, 4096
ABUSE = 10  # times the limit
SAVED_S = 300  # of seconds that were not used


class Rate:
    """What I may send in a second of mine."""

    def __init__(self):
        self.second, self.used = now(), 0

    def room(self, a_second):
        if now() - self.second >= 1:
            self.second, self.used = now(), 0
        return max(a_second - self.used, 0)

    def use(self, count):
        self.used += count


class Allowance:
    def __init__(self):
        self.up_at, self.second, self.used = now(), now(), {}
        self.saved = dict.fromkeys(A_SECOND, 0)
        self.origins, self.origins_at = NEW_ORIGINS_AT_ONCE, now()

    def takes(self, kind, body):
        """False: over the limit, ignore it.  Raises Refused, BYE 9."""
        if kind not in A_SECOND or kind == r.SHUFFLE and body[:1] == b"\1" \
                or kind == r.SYNC and now() - self.up_at < SYNC_FREE_S:
            return True
        self.turn(now())
        entries = len(body) // r.RUN[kind].size \
            if kind in (r.IHAVE, r.GRAFT) else 1
        used = self.used[kind] = self.used.get(kind, 0) + entries
        over = used - A_SECOND[kind] - self.saved[kind]
        if over > (ABUSE - 1) * A_SECOND[kind]:
            raise r.Refused(r.ABUSE)
        return over <= 0

    def turn(self, at):
        """Begin a second, if the last one is over."""
        past = at - self.second
        if past < 1:
            return
        for kind, most in A_SECOND.items():
            left = self.saved[kind] + most * past - self.used.get(kind, 0)
            self.saved[kind] = min(max(left, 0), most * SAVED_S)
        self.second, self.used = at, {}

    def takes_origin(self, of_sync):
        """One more origin that nobody has told of."""
        if of_sync and now() - self.up_at < SYNC_FREE_S:
            return True
        self.origins = min(NEW_ORIGINS_AT_ONCE, self.origins + NEW_ORIGINS
                           * (now() - self.origins_at))
        self.origins_at = now()
        if self.origins < 1:
            return False
        self.origins -= 1
        return True
