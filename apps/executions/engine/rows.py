"""Step records as rows of the database, and back."""

import base64
import json
from collections.abc import Mapping
from json.encoder import encode_basestring

from apps.core import tenancy
from apps.core.trips import Statement, one_trip
from apps.core.types import Json
from apps.executions.engine import masking, outputs
from apps.executions.engine.leases import Lease, LeaseLost
from apps.executions.engine.masking import Masker
from apps.executions.engine.records import Record
from apps.executions.models import StepRecord

# One statement writes at most about so many characters.
_CHUNK = 8 * 1024 * 1024

_COLUMNS = (
    "path text, attempt int, position int, step_id text, type text, name text,"
    " effect text, status text, is_final bool, started_at timestamptz,"
    " duration_ms int, output json, packed text, error jsonb, warnings jsonb,"
    " variables json, state jsonb"
)
# Of each row of `source`, which has an `organization_id`, or none: so a fence in
# `source` is a fence for the records.
INSERT = f"""
    INSERT INTO executions_steprecord (execution_id, organization_id, path, attempt,
        position, step_id, type, name, effect, status, is_final, started_at,
        duration_ms, output, output_packed, error, warnings, variables, state)
    SELECT %(id)s::uuid, source.organization_id, path, attempt, position, step_id,
        type, name, effect, status, is_final, started_at, duration_ms, output,
        decode(packed, 'base64'), error, warnings, variables, state
    FROM source, json_to_recordset(%(rows)s::json) AS r({_COLUMNS})
    ON CONFLICT (execution_id, path, attempt) DO UPDATE SET
        effect = EXCLUDED.effect, status = EXCLUDED.status,
        is_final = EXCLUDED.is_final, started_at = EXCLUDED.started_at,
        duration_ms = EXCLUDED.duration_ms, output = EXCLUDED.output,
        output_packed = EXCLUDED.output_packed, error = EXCLUDED.error,
        warnings = EXCLUDED.warnings, variables = EXCLUDED.variables,
        state = EXCLUDED.state
"""  # noqa: S608  # constants of ours only
_WRITE = f"""
    WITH source AS (
        SELECT organization_id FROM executions_execution
        WHERE id = %(id)s AND lease_token = %(token)s AND status = 'running'
        FOR SHARE),
    written AS ({INSERT} RETURNING 1)
    SELECT count(*) FROM written
"""  # noqa: S608  # constants of ours only
_quoted = encode_basestring


def row_of(record: Record, masker: Masker, *, inline_bytes: int) -> str:
    """The record as one JSON object for the database, secrets masked."""
    output, packed = record.output_json or "null", "null"
    if len(output) > inline_bytes:
        packed = f'"{base64.b64encode(outputs.pack(output)).decode()}"'
        output = "null"
    duration = "null" if record.duration_ms is None else record.duration_ms
    error = state = "null"
    warnings = "[]"
    if record.error is not None:
        error = _clean_json(record.error)
    if record.warnings:
        warnings = _clean_json([masker.hide(text) for text in record.warnings])
    if record.state is not None:
        # What a page or a caller put there must not be filled in at a replay.
        state = _clean_json(masker.mask(masking.conceal(record.state)))
    return (
        f'{{"path":{_quoted(record.path)},"attempt":{record.attempt}'
        f',"position":{record.position},"step_id":{_quoted(record.step_id)}'
        f',"type":{_quoted(record.type)},"name":{_quoted(record.name)}'
        f',"effect":"{record.effect}","status":"{record.status}"'
        f',"is_final":{"true" if record.is_final else "false"}'
        f',"started_at":"{record.started_at.isoformat()}","duration_ms":{duration}'
        f',"packed":{packed},"error":{error},"warnings":{warnings}'
        f',"variables":{record.variables_json or "{}"},"state":{state}'
        f',"output":{output}}}'
    )


def _clean_json(value: Json) -> str:
    return json.dumps(
        outputs.cleaned(value), ensure_ascii=False, allow_nan=False, default=str
    )


def write(lease: Lease, rows: list[str]) -> None:
    """Commit rows, fenced by the lease.

    Raises:
        LeaseLost: the execution is another worker's now; nothing was written.
    """
    for chunk in chunks(rows):
        values = {
            "id": lease.execution_id,
            "token": lease.token,
            "rows": as_array(chunk),
        }
        (counted,) = one_trip(
            Statement(_WRITE, values, "write_records"),
            organization_id=lease.organization_id,
        )
        if counted[0][0] != len(chunk):
            raise LeaseLost("the execution is another worker's now")


def as_array(rows: list[str]) -> str:
    """Rows as one JSON array."""
    return f"[{','.join(rows)}]"


def chunks(rows: list[str]) -> list[list[str]]:
    """Rows in parts that one statement can take."""
    found: list[list[str]] = [[]]
    size = 0
    for row in rows:
        if size > _CHUNK:
            found.append([])
            size = 0
        found[-1].append(row)
        size += len(row)
    return found


def load(lease: Lease) -> list[Record]:
    """Everything recorded for the execution so far, as it is stored."""
    with tenancy.tenant(lease.organization_id):
        found = StepRecord.objects.filter(execution_id=lease.execution_id)
        return [_record(row) for row in found.order_by("position", "attempt")]


def unmasked(record: Record, masker: Masker, secrets: Mapping[str, str]) -> Record:
    """The record with the secrets put back in."""
    record.output_json = outputs.text_of(record.output)
    record.variables_json = outputs.text_of(record.variables)
    record.output = masker.unmask(record.output, secrets)
    record.variables = masker.unmask(record.variables, secrets)
    record.state = masker.unmask(record.state, secrets)
    return record


def _record(row: StepRecord) -> Record:
    output = row.output
    if row.output_packed is not None:
        output = outputs.unpack(bytes(row.output_packed))
    return Record(
        path=row.path,
        attempt=row.attempt,
        position=row.position,
        step_id=row.step_id,
        type=row.type,
        name=row.name,
        effect=row.effect,
        status=row.status,
        is_final=row.is_final,
        started_at=row.started_at,
        duration_ms=row.duration_ms,
        output=output,
        error=row.error,
        warnings=row.warnings,
        variables=row.variables,
        state=row.state,
    )
