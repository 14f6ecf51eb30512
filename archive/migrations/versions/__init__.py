"""The steps by which a catalogue comes to today's schema, each applied once."""
