"""Reports of the laboratory: every version that came, in the exam that it is about."""
