"""What becomes of each real file: opened (format, levels), or refused with a phrase of the reason.

A name that ends in `*` stands for all files of the folder that begin so and are not named.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Expected:
    """The outcome, and a phrase of the reason or else the format and the number of levels."""

    outcome: str
    phrase: str = ""
    format: str = ""
    levels: int = 0
    damaged: int = 0


def opened(form: str, levels: int, *, damaged: int = 0) -> Expected:
    """A file that is read, but for the `damaged` tiles among those that are looked at."""
    return Expected("opened", "", form, levels, damaged)


def damaged(phrase: str) -> Expected:
    """A file that does not hold what it promises."""
    return Expected("DamagedSlide", phrase)


def missing(phrase: str) -> Expected:
    """A slide without all its files."""
    return Expected("MissingFile", phrase)


def too_large(phrase: str) -> Expected:
    """A bomb."""
    return Expected("TooLarge", phrase)


def unknown(phrase: str) -> Expected:
    """A file that is no slide."""
    return Expected("UnknownFormat", phrase)


def unsupported(phrase: str) -> Expected:
    """A slide of a kind that is not read."""
    return Expected("UnsupportedSlide", phrase)


SLIDES = {
    "dicom-wsi/cmu-1-small-region-12-levels/*": opened("dicom", 12),
    "dicom-wsi/google-medical-imaging/multi_frame_jpeg_camelyon_challenge_image.dcm": opened(
        "dicom", 1
    ),
    "dicom-wsi/google-medical-imaging/test_jpeg_dicom.dcm": opened("dicom", 1),
    "dicom-wsi/google-medical-imaging/test_raw_dicom.dcm": opened("dicom", 1),
    "dicom-wsi/google-medical-imaging/test_slide_coordinates.dcm": opened("dicom", 1),
    "dicom-wsi/google-medical-imaging/wsi_private_tags.dcm": unsupported("label or an overview"),
    "dicom-wsi/google-wsi2dcm/jpeg.dicom": opened("dicom", 1),
    "dicom-wsi/google-wsi2dcm/jpeg2000.dicom": opened("dicom", 1),
    "dicom-wsi/google-wsi2dcm/raw.dicom": opened("dicom", 1),
    "dicom-wsi/highdicom/seg_image_sm_dots.dcm": unsupported("a segmentation"),
    "dicom-wsi/highdicom/seg_image_sm_dots_tiled_full.dcm": unsupported("a segmentation"),
    "dicom-wsi/highdicom/sm_annotations.dcm": unsupported("annotations on a slide"),
    "dicom-wsi/highdicom/sm_image.dcm": opened("dicom", 1),
    "dicom-wsi/highdicom/sm_image_dots.dcm": opened("dicom", 1),
    "dicom-wsi/highdicom/sm_image_grayscale.dcm": opened("dicom", 1),
    "dicom-wsi/highdicom/sm_image_jpegls.dcm": opened("dicom", 1),
    "dicom-wsi/openslide-python/boxes_0.dcm": opened("dicom", 1),
    "dicom-wsi/openslide-python/boxes_1.dcm": opened("dicom", 1),
    "wsi/aperio/CMU-1-Small-Region.svs": opened("svs", 1),
    "wsi/aperio/openslide-python-small.svs": opened("svs", 1),
    "wsi/generic-tiff/boxes.tiff": opened("tiff", 4),
    "wsi/generic-tiff/kidney-48-5.tif": opened("tiff", 1),
    "wsi/generic-tiff/panimg-valid_tiff.tif": opened("tiff", 2),
    "wsi/generic-tiff/pathml-small_HE_levels.tiff": opened("tiff", 4),
    "wsi/generic-tiff/slaid-patch-8-level.tif": opened("tiff", 9),
    "wsi/generic-tiff/yb10kx5k.zstd.tiff": opened("tiff", 5),
    "wsi/generic-tiff/orient/*": opened("tiff", 3),
    "wsi/hamamatsu/test3-DAPI-2-(387).ndpi": opened("ndpi", 4),
    "wsi/mirax/Mirax2-Fluorescence-2.mrxs": missing("files it consists of are missing"),
    "wsi/ome-tiff/multi-channel-z-series.ome.tif": opened("ome-tiff", 1),
    "wsi/ome-tiff/multi-channel.ome.tif": opened("ome-tiff", 1),
    "wsi/ome-tiff/single-channel.ome.tif": opened("ome-tiff", 1),
    "wsi/ome-tiff/z-series.ome.tif": opened("ome-tiff", 1),
    "wsi/zeiss/CellDivision_T3_Z6_CH1_X300_Y200_DCV_ZSTD.czi": unsupported("3 times"),
    "wsi/zeiss/*": opened("czi", 1),
}

HOSTILE = {
    "hostile/archive/same_name.zip": unknown("zip archive"),
    "hostile/archive/tar_with_sym_link.tar": unknown("tar archive"),
    "hostile/bomb/17000x17000.avif": unknown("HEIF photograph"),
    "hostile/bomb/png-51200x51200-1bit.png": unknown("PNG picture"),
    "hostile/bomb/tiff-100000x100000-shared-tile.tif": too_large("decompression bomb"),
    "hostile/derived/CMU-bitrot-tile.svs": opened("svs", 1),
    "hostile/derived/CMU-truncated-60pct.svs": damaged("list of pictures is not there"),
    "hostile/derived/wsi-jpeg-truncated.dcm": damaged("cut inside its frames"),
    "hostile/dicom/meta_missing_tsyntax.dcm": damaged("says not what it is"),
    "hostile/dicom/no_meta.dcm": unknown("no slide of a format read here"),
    "hostile/dicom/*": unsupported("no picture of a slide"),
    "hostile/heif/github_20.heic": unknown("no slide of a format read here"),
    "hostile/heif/*": unknown("HEIF photograph"),
    "hostile/jp2k/crash-4fb027452e6988530aa5dabee76eecacb3b79f8a.j2k": unknown(
        "no slide of a format read here"
    ),
    "hostile/jp2k/crash-d2c93af851d3ab9a19e34503626368b2ecde9c03.j2k": unknown(
        "no slide of a format read here"
    ),
    "hostile/jp2k/invalid_header_length.jp2": unknown("no slide of a format read here"),
    "hostile/photo/broken.png": unknown("PNG picture"),
    "hostile/photo/decompression_bomb.gif": unknown("GIF picture"),
    "hostile/photo/decompression_bomb.ico": unknown("no slide of a format read here"),
    "hostile/photo/ojpeg-tile.tif": unsupported("old-style JPEG"),
    "hostile/photo/truncated_image.png": unknown("PNG picture"),
    "hostile/photo/*": unknown("JPEG picture"),
    "hostile/tiff/crash-0da013a13571cc8eb457a39fee8db18f8a3c7127.tif": unsupported("1-bit samples"),
    "hostile/tiff/crash-74d2a78403a5a59db1fb0a2b8735ac068a75f6e3.tif": unsupported("1-bit samples"),
    "hostile/tiff/hopper_unknown_pixel_mode.tif": unsupported("32-bit samples"),
    "hostile/tiff/multipage_single_frame_loop.tiff": opened("tiff", 1),
    "hostile/tiff/old-style-jpeg-compression-no-samplesperpixel.tif": unsupported("old-style JPEG"),
    "hostile/tiff/tiff_strip_cmyk_jpeg.tif": opened("tiff", 1),
    "hostile/tiff/*": damaged("beyond the end of the file"),
    "hostile/tiff-fuzz/261a52dd6b11fc8c6454889586122739a77a0d86.tif": opened("tiff", 1),
    "hostile/tiff-fuzz/7dafbd01f1e6b5d0898ce5b87934e081e0572c2b-4.tif": unsupported(
        "16-bit colours"
    ),
    "hostile/tiff-fuzz/927a4b90ce7320c6c123093ce35995d5c362afdc-7.tif": damaged("has no pixels"),
    "hostile/tiff-fuzz/98870d9601e110a003d9878161f6d3c43dc9a05c-2.tif": opened("tiff", 1),
    "hostile/tiff-fuzz/b61dd4d9898b0e6f08594613d886b5ef97d720dd-4.tif": damaged("has no pixels"),
    "hostile/tiff-fuzz/d112b2bf4f559a2d4b1686dcc7f6e1a529544135-1.tif": unsupported(
        "2048-bit samples"
    ),
    "hostile/tiff-fuzz/f00e91198002d873a831657ff13311f64c0397ed-1.tif": damaged("has no pixels"),
    "hostile/tiff-fuzz/0c3fc9143b360ea6057f50cf72fe8141d3dd17ed-8.tif": damaged("beyond the end"),
    "hostile/tiff-fuzz/13404770125db59bb88ac7776e848fa694f0eee7-6.tif": damaged("beyond the end"),
    "hostile/tiff-fuzz/*": opened("tiff", 1, damaged=1),
    "hostile/wsi/broken.svs": unknown("no slide of a format read here"),
    "hostile/wsi/unopenable.tiff": unsupported("compression 52479"),
    "hostile/wsi/unreadable.svs": damaged("quantization table is cut"),
    "hostile/wsi/vms-stub/CMU-1-40x - 2010-01-12 13.24.05.vms": damaged("Premature end of JPEG"),
    "hostile/wsi/vms-stub/*": unknown("JPEG picture"),
}
