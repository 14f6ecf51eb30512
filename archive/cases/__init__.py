"""What a laboratory has ordered to be scanned, what was scanned, and how the two are linked."""
