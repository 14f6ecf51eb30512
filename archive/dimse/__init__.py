"""DICOM's own protocol towards others."""
