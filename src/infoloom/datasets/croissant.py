"""Croissant metadata (MLCommons, JSON-LD 1.0), written by hand so that no package is needed for it."""

from __future__ import annotations

from typing import Any, Final

from infoloom.datasets.columns import Column
from infoloom.datasets.manifest import Manifest

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
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_TYPES: Final = {"int64": "cr:Int64", "float32": "cr:Float32", "float64": "cr:Float64"}


def croissant(manifest: Manifest) -> dict[str, Any]:
    """The dataset's description as JSON-LD: one file object a shard, one record set a shard."""
    files = [_file(manifest, index) for index in range(len(manifest.shards))]
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": manifest.name,
        "description": (
            "Multimodal data whose mutual information is known exactly; "
            + ", ".join(f"{name} = {value:.6g} nats" for name, value in list(manifest.truth.items())[:20])
        ),
        "version": "1.0.0",
        "distribution": files,
        "recordSet": [_records(manifest, index) for index in range(len(manifest.shards))],
    }


def _file(manifest: Manifest, index: int) -> dict[str, Any]:
    record = manifest.shards[index]
    return {
        "@type": "cr:FileObject",
        "@id": record.shard.file,
        "name": record.shard.file,
        "contentUrl": record.shard.file,
        "contentSize": f"{record.bytes} B",
        "encodingFormat": "application/x-parquet",
        "sha256": record.sha256,
    }


def _records(manifest: Manifest, index: int) -> dict[str, Any]:
    shard = manifest.shards[index].shard
    name = f"{shard.split}-{shard.index:05d}"
    fields = [_field(column, name, shard.file) for column in manifest.columns]
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "field": fields}


def _field(column: Column, records: str, file: str) -> dict[str, Any]:
    field: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"{records}/{column.name}",
        "name": column.name,
        "dataType": _TYPES[column.dtype],
        "source": {"fileObject": {"@id": file}, "extract": {"column": column.name}},
    }
    if column.shape:
        field |= {"isArray": True, "arrayShape": ",".join(str(n) for n in column.shape)}
    return field
