"""Who, where, and in which state: the catalogue, the stored objects and the identity they carry.

Nothing here knows a pixel, a vendor's file or a web request.
"""
