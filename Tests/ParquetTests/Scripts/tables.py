"""What the golden files and the checks of our files have in common: a form of values that JSON carries without loss."""
import datetime
import struct

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
DAY = datetime.date(1970, 1, 1)


def text(value, kind):
    """A value as text: integers in decimal, floats by their bits in hex, bytes in hex, times as microseconds or days."""
    if value is None:
        return None
    if kind == "boolean":
        return "true" if value else "false"
    if kind in ("int32", "int64"):
        return str(value)
    if kind == "float":
        return struct.pack(">f", value).hex()
    if kind == "double":
        return struct.pack(">d", value).hex()
    if kind == "string":
        return value.encode().hex()
    if kind == "binary":
        return bytes(value).hex()
    if kind == "timestampMicros":
        return str(value if isinstance(value, int) else (value - EPOCH) // datetime.timedelta(microseconds=1))
    if kind == "date":
        return str(value if isinstance(value, int) else (value - DAY).days)
    raise ValueError(kind)


def kind_of(arrow_type):
    """The column type, as Swift names it, of an Arrow type; None for others."""
    return {
        "bool": "boolean", "int32": "int32", "int64": "int64", "float": "float", "double": "double",
        "string": "string", "large_string": "string", "binary": "binary", "large_binary": "binary",
        "date32[day]": "date", "timestamp[us, tz=UTC]": "timestampMicros", "timestamp[ms, tz=UTC]": "timestampMicros",
    }.get(str(arrow_type))


def arrow_columns(table):
    """Every flat column of an Arrow table as name, kind and texts."""
    result = []
    for field in table.schema:
        kind = kind_of(field.type)
        if kind is None:
            continue
        column = table.column(field.name)
        if kind in ("timestampMicros", "date"):
            import pyarrow as pa
            if kind == "timestampMicros":
                column = column.cast(pa.timestamp("us", tz="UTC"))
            column = column.cast(pa.int64() if kind == "timestampMicros" else pa.int32())
        values = [text(value, kind) for value in column.to_pylist()]
        field_id = (field.metadata or {}).get(b"PARQUET:field_id")
        result.append({
            "name": field.name, "type": kind, "optional": field.nullable,
            "fieldID": int(field_id) if field_id else None, "values": values,
        })
    return result
