"""Croissant metadata (MLCommons, JSON-LD 1.0), written by hand so that no package is needed for it."""

from __future__ import annotations

from typing import Any, Final

from infoloom.datasets.storage.columns import Column
from infoloom.datasets.storage.manifest import Manifest, ShardRecord

__all__ = ["croissant"]

_CONTEXT: Final[dict[str, Any]] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "arrayShape": "cr:arrayShape",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_MAX_TRUTH: Final = 20
_CITATION: Final = (
    "Hashmani, Merz, Qu, Pettee, Cranmer: Multimodal Datasets with Controllable Mutual Information, "
    "arXiv 2510.21686"
)
_TYPES: Final = {"int64": "cr:Int64", "uint8": "cr:UInt8", "float32": "cr:Float32", "float64": "cr:Float64"}


def croissant(manifest: Manifest) -> dict[str, Any]:
    """The dataset's description as JSON-LD: a file object a shard, a file set and a record set a split."""
    names = list(manifest.truth.items())[:_MAX_TRUTH]
    truth = ", ".join(f"{name} = {value:.6g} nats" for name, value in names)
    known = "has known upper bounds" if manifest.upper_bounds else "is known exactly"
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": manifest.name,
        "description": f"Multimodal data whose mutual information {known}; {truth}.",
        "citeAs": _CITATION,
        "version": "1.0.0",
        "distribution": [
            *(_file(record) for record in manifest.shards),
            *(_file_set(split) for split, _ in manifest.splits),
        ],
        "recordSet": [_records(manifest, split) for split, _ in manifest.splits],
    }


def _file(record: ShardRecord) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": record.shard.file,
        "name": record.shard.file,
        "contentUrl": record.shard.file,
        "contentSize": f"{record.bytes} B",
        "encodingFormat": "application/x-parquet",
        "sha256": record.sha256,
    }


def _file_set(split: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": f"{split}-files",
        "name": f"{split}-files",
        "encodingFormat": "application/x-parquet",
        "includes": f"data/{split}-*.parquet",
    }


def _records(manifest: Manifest, split: str) -> dict[str, Any]:
    fields = [_field(column, split) for column in manifest.columns]
    return {"@type": "cr:RecordSet", "@id": split, "name": split, "field": fields}


def _field(column: Column, split: str) -> dict[str, Any]:
    field: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"{split}/{column.name}",
        "name": column.name,
        "dataType": "sc:Text" if column.textual else _TYPES[column.dtype],
        "source": {"fileSet": {"@id": f"{split}-files"}, "extract": {"column": column.name}},
    }
    if column.shape:
        field |= {"isArray": True, "arrayShape": ",".join(str(n) for n in column.shape)}
    return field
