"""DICOMweb (PS3.18): the archive as any DICOM viewer asks for it."""
