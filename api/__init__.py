"""The ways in: HTTP and the command line; the only place where the packages are wired."""
