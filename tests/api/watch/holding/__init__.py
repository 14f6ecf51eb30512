"""What is put on the path of a watch's processes, so that they can be killed where it matters."""
