"""What others ask for as resources of FHIR: found by rows, a page in one query."""
