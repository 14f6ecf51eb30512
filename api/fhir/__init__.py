"""FHIR R4, to be read: what is asked, the resources, and how they are told."""
