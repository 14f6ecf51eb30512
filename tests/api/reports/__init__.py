"""Reports as instances, in pages, and in archives."""
