"""The SQL that makes a store in PostgreSQL readable: functions from JSON as bytes to ``jsonb``, and views.

Workers read and write the bytes, since ``jsonb`` would change them: it reorders keys, writes numbers in another form,
and refuses ``\\u0000``, halves of surrogate pairs and NaN. Kedro accepts all of these in parameters and inputs. The
record of a run that has ended is also stored as ``jsonb``, once; all else becomes ``jsonb`` when a query asks for it.
"""

# Backslashes stand in strings only. A pair of surrogates and any other escape stay; the backslash of what ``jsonb``
# refuses is doubled, so the value shows the escape as text.
_ESCAPED = (
    r"""regexp_replace(content, '(\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\[^u]|\\u(?!0000|[dD][89a-fA-F]))|(\\)(?=u)', """
    r"""'\1\2\2', 'g')"""
)
_TOKENS = r"""'"(?:[^"\\]|\\.)*"|-?Infinity|NaN|[^"NI-]+|.', 'g'"""

_TO_STRICT_JSON = f"""CREATE FUNCTION {{schema}}.to_strict_json(content TEXT) RETURNS TEXT
LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT CASE WHEN content ~ 'NaN|Infinity' THEN (
        SELECT string_agg(CASE WHEN token[1] IN ('NaN', 'Infinity', '-Infinity') THEN '"' || token[1] || '"'
            ELSE token[1] END, '' ORDER BY number)
        FROM regexp_matches({_ESCAPED}, {_TOKENS}) WITH ORDINALITY AS found (token, number)
    ) ELSE {_ESCAPED} END
$$"""

# An error would fail the write of a run, or the query of an operator, for the sake of one value.
_AS_JSONB = """CREATE FUNCTION {schema}.as_jsonb(content BYTEA) RETURNS JSONB
LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    RETURN convert_from(content, 'UTF8')::jsonb;
EXCEPTION WHEN OTHERS THEN
    BEGIN
        RETURN {schema}.to_strict_json(convert_from(content, 'UTF8'))::jsonb;
    EXCEPTION WHEN OTHERS THEN
        RETURN NULL;
    END;
END
$$"""

_RECORD_COLUMN = """ALTER TABLE runs ADD COLUMN record_json JSONB GENERATED ALWAYS AS (
    CASE WHEN ended_at IS NOT NULL THEN {schema}.as_jsonb(record) END
) STORED"""

_RUN_RECORDS = """CREATE VIEW run_records AS
SELECT run_id, status, owner,
    to_timestamp(created_at / 1000.0) AS created_at,
    CASE WHEN record ->> 'started_at' ~ '^[0-9-]+T[0-9:.]+(Z|[+-][0-9:]+)$'
        THEN (record ->> 'started_at')::timestamptz END AS started_at,
    to_timestamp(ended_at / 1000.0) AS ended_at,
    CASE WHEN jsonb_typeof(record -> 'duration_ms') = 'number'
        THEN (record ->> 'duration_ms')::float8 / 1000 END AS duration_seconds,
    CASE WHEN record -> 'pipeline_names' = '[]' THEN ARRAY['__default__']
        ELSE ARRAY(SELECT jsonb_array_elements_text(
            CASE WHEN jsonb_typeof(record -> 'pipeline_names') = 'array' THEN record -> 'pipeline_names' END
        )) END AS pipelines,
    record -> 'labels' AS labels,
    record #>> '{{error,type}}' AS error_type,
    record #>> '{{error,node}}' AS error_node,
    record #>> '{{error,message}}' AS error_message,
    record,
    {schema}.as_jsonb(run_order) AS run_order
FROM (
    SELECT run_id, status, owner, created_at, ended_at, run_order,
        CASE WHEN ended_at IS NULL THEN {schema}.as_jsonb(record) ELSE record_json END AS record
    FROM runs
) AS runs"""

_RUN_EVENTS = """CREATE VIEW run_events AS
SELECT events.position, events.run_id, events.first + found.index - 1 AS number, body ->> 'event' AS event,
    body ->> 'node' AS node, body
FROM events CROSS JOIN LATERAL (SELECT {schema}.as_jsonb(payload) AS content OFFSET 0) AS converted
CROSS JOIN LATERAL jsonb_array_elements(
    CASE WHEN jsonb_typeof(content) = 'array' THEN content END
) WITH ORDINALITY AS found (body, index)"""

_RUN_OUTPUTS = "CREATE VIEW run_outputs AS SELECT run_id, name, {schema}.as_jsonb(value) AS value FROM outputs"

# Statements for PostgreSQL; ``{schema}`` is the schema of the store.
READABLE = (_TO_STRICT_JSON, _AS_JSONB, _RECORD_COLUMN, _RUN_RECORDS, _RUN_EVENTS, _RUN_OUTPUTS)
