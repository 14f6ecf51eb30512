"""A module a family of formats: `ls` is the support matrix.

`dicom`, `openslide` and `tiff` have `detect(path, head)`, which answers from the content, and
`open(path)`. `svs` and `ome_tiff` sort the pages of such files for `tiff`: `recognised(pages)` and
`arrange(pages)`.
"""
