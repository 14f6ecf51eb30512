"""Reports of a laboratory: ORU^R01 and MDM, with PDF, CDA R2 or plain text.

Source: HL7 v2.5.1 chapters 7 and 9; the French guide to CDA R2 documents in HL7 v2 (OBX-11 and the
event say what replaces and what deletes).
"""
