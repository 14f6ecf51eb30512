"""What the catalogue keeps of a slide."""

from typing import Any

from slides.slide import Facts, Slide


def facts_of(slide: Slide, mpp_um: tuple[float, ...] | None) -> dict[str, Any]:
    """What the catalogue keeps of a slide: nothing that identifies a patient.

    `mpp_um` is the spacing (x, y), where it is known. Of a file with several scenes it tells
    which one this is, and how many there are.
    """
    facts: Facts = slide.facts
    base = slide.source.pyramid
    return {
        "format": facts.format,
        "width": base.width,
        "height": base.height,
        "mpp_um": list(mpp_um) if mpp_um else None,
        "objective_power": facts.objective_power,
        "scanner": {"manufacturer": facts.scanner.manufacturer, "model": facts.scanner.model},
        "acquired_at": facts.acquired_at.isoformat() if facts.acquired_at else None,
        "icc_profile": facts.icc_profile is not None,
        "barcodes": list(facts.barcodes),
        **({} if slide.scene is None else {"scene": slide.scene, "scenes": len(slide.scenes)}),
    }
