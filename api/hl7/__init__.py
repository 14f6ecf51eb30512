"""Messages of HL7 v2: who sends them, how they are framed, read, kept and answered."""
