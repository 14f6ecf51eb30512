"""Photographs: what a camera made, freed of what it says of people and places, as DICOM."""
