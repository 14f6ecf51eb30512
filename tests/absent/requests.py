"""pydicom loads it where it is, which takes each process a fifth of a second."""

raise ImportError("an installation has no requests")
