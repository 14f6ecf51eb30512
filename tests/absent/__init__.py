"""What development has and an installation has not, as an installation finds it.

This folder comes first on the path of the processes that tests start (`tests.conftest`).
"""
