"""What workers are asked for, by the kind of their jobs."""

from archive.jobs import Wanted

BUILD, DEVELOP, CHECK = "build", "develop", "check"
"""A slide, or whatever was brought, is built; a session's picture is, which takes moments."""
COMPARE, RULER, DIAMETER = "compare", "ruler", "diameter"
"""On the later photograph all that was asked of it and waits; of one its scale, and its lesion."""

CHECKED = Wanted(CHECK, max_attempts=1000)
"""What may be wrong with a session's picture, and a small one to sort it by."""

BUILT = Wanted(DEVELOP, max_attempts=1000)
"""A picture that was sent. Phones erase what they sent: a full disk is waited out, like above."""
