"""Tests; the helpers that assert say what they saw, as the tests themselves do."""

import sys

HELPERS = """
api.uploads.client browser capture.hands deposit.page dermato.altered dermato.halves
dermato.rulers s3 serving slides.judging tiles.arrays warm
"""

if sys.modules.get("pytest") is not None:
    # The demonstration makes its files without what tests are run with.
    sys.modules["pytest"].register_assert_rewrite(*(f"tests.{name}" for name in HELPERS.split()))
