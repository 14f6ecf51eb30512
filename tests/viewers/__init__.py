"""Others' viewers of DICOMweb in a real browser, as their makers publish them."""
