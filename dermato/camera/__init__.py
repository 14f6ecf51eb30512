"""What cameras write, a file a format: its picture, and the few facts beside it that are kept."""
