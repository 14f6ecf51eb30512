"""A module a family of formats: `ls` is the support matrix.

`dicom`, `openslide` and `tiff` have `open(path)`; each is loaded for files that begin as its own do
(`slides.open`). `svs` and `ome_tiff` sort the pages of such files for `tiff`: `recognised(pages)`
and `arrange(pages)`.
"""
