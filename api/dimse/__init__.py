"""DICOM's own protocol (PS3.7, PS3.8): a process of its own beside the web server's."""
