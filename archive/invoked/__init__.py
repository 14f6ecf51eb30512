"""What another system asks to be shown: a patient's exams, some studies, or one slide."""
