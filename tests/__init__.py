"""Tests; the helpers that assert say what they saw, as the tests themselves do."""

import pytest

HELPERS = """
api.uploads.client browser capture.hands deposit.page dermato.altered dermato.halves
dermato.rulers s3 serving slides.judging tiles.arrays warm
"""

pytest.register_assert_rewrite(*(f"tests.{name}" for name in HELPERS.split()))
