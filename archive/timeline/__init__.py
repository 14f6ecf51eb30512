"""All that is known of a patient, by time: ours, and what others say that they hold."""
