CREATE TABLE IF NOT EXISTS mastra_schema ON CLUSTER `telemetry`
(
    version UInt32,
    applied_at DateTime64(6, 'UTC'),
    package String,
    identity String COMMENT 'What tells this database from others.'
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
ORDER BY version;

CREATE TABLE IF NOT EXISTS mastra_ai_spans ON CLUSTER `telemetry`
(
    "trace_id" String COMMENT '32 hex digits, the same for all spans of a trace.' CODEC(ZSTD(1)),
    "span_id" String COMMENT '16 hex digits.' CODEC(ZSTD(1)),
    "parent_span_id" Nullable(String) COMMENT 'Span this one was made in; NULL for a root.' CODEC(ZSTD(1)),
    "remote_parent_span_id" Nullable(String) COMMENT 'Parent of a root in another program.' CODEC(ZSTD(1)),
    "name" String COMMENT 'What the span is called.' CODEC(ZSTD(1)),
    "span_type" LowCardinality(String) COMMENT 'Kind: agent_run, model_generation, tool_call…',
    "is_event" Bool COMMENT 'A moment rather than a piece of work.',
    "started_at" DateTime64(9, 'UTC') COMMENT 'Start, UTC.' CODEC(Delta(8), ZSTD(1)),
    "ended_at" Nullable(DateTime64(9, 'UTC')) COMMENT 'End, UTC.' CODEC(Delta(8), ZSTD(1)),
    "status" LowCardinality(String) COMMENT 'running, success, error or interrupted.',
    "error" Nullable(String) COMMENT 'Error: type, message, stack.' CODEC(ZSTD(1)),
    "error_message" Nullable(String) COMMENT 'Message of the error.' CODEC(ZSTD(1)),
    "input" Nullable(String) COMMENT 'What went in.' CODEC(ZSTD(1)),
    "output" Nullable(String) COMMENT 'What came out.' CODEC(ZSTD(1)),
    "attributes" Nullable(String) COMMENT 'Attributes of its kind.' CODEC(ZSTD(1)),
    "links" Nullable(String) COMMENT 'Spans of other traces it belongs with.' CODEC(ZSTD(1)),
    "scope" Nullable(String) COMMENT 'Library that made it.' CODEC(ZSTD(1)),
    "model" LowCardinality(Nullable(String)) COMMENT 'Model, of model spans.',
    "provider" LowCardinality(Nullable(String)) COMMENT 'Provider of the model.',
    "input_tokens" Nullable(Int64) COMMENT 'Tokens into the model; on model_generation alone.',
    "output_tokens" Nullable(Int64) COMMENT 'Tokens out of the model; as above.',
    "estimated_cost_usd" Nullable(Float64) COMMENT 'Estimated cost in US dollars; as above.',
    "entity_type" LowCardinality(Nullable(String)) COMMENT 'What kind of thing made it: agent, tool, workflow, step…',
    "entity_id" Nullable(String) COMMENT 'Id of what made it.' CODEC(ZSTD(1)),
    "entity_name" Nullable(String) COMMENT 'Name of what made it.' CODEC(ZSTD(1)),
    "parent_entity_type" LowCardinality(Nullable(String)) COMMENT 'Kind of what called that.',
    "parent_entity_id" Nullable(String) COMMENT 'Id of what called that.' CODEC(ZSTD(1)),
    "parent_entity_name" Nullable(String) COMMENT 'Name of what called that.' CODEC(ZSTD(1)),
    "root_entity_type" LowCardinality(Nullable(String)) COMMENT 'Kind of what the trace began with.',
    "root_entity_id" Nullable(String) COMMENT 'Id of what the trace began with.' CODEC(ZSTD(1)),
    "root_entity_name" Nullable(String) COMMENT 'Name of what the trace began with.' CODEC(ZSTD(1)),
    "user_id" Nullable(String) COMMENT 'End user.' CODEC(ZSTD(1)),
    "organization_id" Nullable(String) COMMENT 'Tenant.' CODEC(ZSTD(1)),
    "resource_id" Nullable(String) COMMENT 'Resource worked on.' CODEC(ZSTD(1)),
    "run_id" Nullable(String) COMMENT 'One execution of an agent or workflow.' CODEC(ZSTD(1)),
    "session_id" Nullable(String) COMMENT 'Conversation; groups traces.' CODEC(ZSTD(1)),
    "thread_id" Nullable(String) COMMENT 'Thread of messages.' CODEC(ZSTD(1)),
    "request_id" Nullable(String) COMMENT 'Request that caused it.' CODEC(ZSTD(1)),
    "environment" LowCardinality(Nullable(String)) COMMENT 'production, development…',
    "source" LowCardinality(Nullable(String)) COMMENT 'Where the program runs from.',
    "service_name" LowCardinality(Nullable(String)) COMMENT 'Program.',
    "experiment_id" Nullable(String) COMMENT 'Experiment it belongs to.' CODEC(ZSTD(1)),
    "tags" Array(String) COMMENT 'Markers of the user\'s.' CODEC(ZSTD(1)),
    "metadata" Nullable(String) COMMENT 'Free map of the user\'s.' CODEC(ZSTD(1)),
    "written_at" DateTime64(9, 'UTC') COMMENT 'When the batch was written, by the writer\'s clock.' CODEC(Delta(8), ZSTD(1)),
    position UInt32 COMMENT 'Place of the row in its batch.' CODEC(ZSTD(1)),
    precedence UInt64 MATERIALIZED 18446744073709551615 - toUnixTimestamp64Nano(written_at) COMMENT 'The greater the earlier; of equal rows the greatest stays.' CODEC(ZSTD(1)),
    INDEX started_at_range started_at TYPE minmax GRANULARITY 1,
    INDEX session_id_filter session_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX run_id_filter run_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX user_id_filter user_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX thread_id_filter thread_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX request_id_filter request_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', precedence)
PARTITION BY toDate(written_at)
ORDER BY (trace_id, span_id, started_at)
TTL least(started_at, toDateTime64('2200-01-01 00:00:00', 9, 'UTC')) + toIntervalDay(30)
SETTINGS enable_block_number_column = 1, enable_block_offset_column = 1, remove_empty_parts = 0, replicated_deduplication_window = 10000
COMMENT 'Spans that ended.';

CREATE TABLE IF NOT EXISTS mastra_ai_open_spans ON CLUSTER `telemetry`
(
    "trace_id" String COMMENT '32 hex digits, the same for all spans of a trace.' CODEC(ZSTD(1)),
    "span_id" String COMMENT '16 hex digits.' CODEC(ZSTD(1)),
    "parent_span_id" Nullable(String) COMMENT 'Span this one was made in; NULL for a root.' CODEC(ZSTD(1)),
    "remote_parent_span_id" Nullable(String) COMMENT 'Parent of a root in another program.' CODEC(ZSTD(1)),
    "name" String COMMENT 'What the span is called.' CODEC(ZSTD(1)),
    "span_type" LowCardinality(String) COMMENT 'Kind: agent_run, model_generation, tool_call…',
    "is_event" Bool COMMENT 'A moment rather than a piece of work.',
    "started_at" DateTime64(9, 'UTC') COMMENT 'Start, UTC.' CODEC(Delta(8), ZSTD(1)),
    "ended_at" Nullable(DateTime64(9, 'UTC')) COMMENT 'End, UTC.' CODEC(Delta(8), ZSTD(1)),
    "status" LowCardinality(String) COMMENT 'running, success, error or interrupted.',
    "error" Nullable(String) COMMENT 'Error: type, message, stack.' CODEC(ZSTD(1)),
    "error_message" Nullable(String) COMMENT 'Message of the error.' CODEC(ZSTD(1)),
    "input" Nullable(String) COMMENT 'What went in.' CODEC(ZSTD(1)),
    "output" Nullable(String) COMMENT 'What came out.' CODEC(ZSTD(1)),
    "attributes" Nullable(String) COMMENT 'Attributes of its kind.' CODEC(ZSTD(1)),
    "links" Nullable(String) COMMENT 'Spans of other traces it belongs with.' CODEC(ZSTD(1)),
    "scope" Nullable(String) COMMENT 'Library that made it.' CODEC(ZSTD(1)),
    "model" LowCardinality(Nullable(String)) COMMENT 'Model, of model spans.',
    "provider" LowCardinality(Nullable(String)) COMMENT 'Provider of the model.',
    "input_tokens" Nullable(Int64) COMMENT 'Tokens into the model; on model_generation alone.',
    "output_tokens" Nullable(Int64) COMMENT 'Tokens out of the model; as above.',
    "estimated_cost_usd" Nullable(Float64) COMMENT 'Estimated cost in US dollars; as above.',
    "entity_type" LowCardinality(Nullable(String)) COMMENT 'What kind of thing made it: agent, tool, workflow, step…',
    "entity_id" Nullable(String) COMMENT 'Id of what made it.' CODEC(ZSTD(1)),
    "entity_name" Nullable(String) COMMENT 'Name of what made it.' CODEC(ZSTD(1)),
    "parent_entity_type" LowCardinality(Nullable(String)) COMMENT 'Kind of what called that.',
    "parent_entity_id" Nullable(String) COMMENT 'Id of what called that.' CODEC(ZSTD(1)),
    "parent_entity_name" Nullable(String) COMMENT 'Name of what called that.' CODEC(ZSTD(1)),
    "root_entity_type" LowCardinality(Nullable(String)) COMMENT 'Kind of what the trace began with.',
    "root_entity_id" Nullable(String) COMMENT 'Id of what the trace began with.' CODEC(ZSTD(1)),
    "root_entity_name" Nullable(String) COMMENT 'Name of what the trace began with.' CODEC(ZSTD(1)),
    "user_id" Nullable(String) COMMENT 'End user.' CODEC(ZSTD(1)),
    "organization_id" Nullable(String) COMMENT 'Tenant.' CODEC(ZSTD(1)),
    "resource_id" Nullable(String) COMMENT 'Resource worked on.' CODEC(ZSTD(1)),
    "run_id" Nullable(String) COMMENT 'One execution of an agent or workflow.' CODEC(ZSTD(1)),
    "session_id" Nullable(String) COMMENT 'Conversation; groups traces.' CODEC(ZSTD(1)),
    "thread_id" Nullable(String) COMMENT 'Thread of messages.' CODEC(ZSTD(1)),
    "request_id" Nullable(String) COMMENT 'Request that caused it.' CODEC(ZSTD(1)),
    "environment" LowCardinality(Nullable(String)) COMMENT 'production, development…',
    "source" LowCardinality(Nullable(String)) COMMENT 'Where the program runs from.',
    "service_name" LowCardinality(Nullable(String)) COMMENT 'Program.',
    "experiment_id" Nullable(String) COMMENT 'Experiment it belongs to.' CODEC(ZSTD(1)),
    "tags" Array(String) COMMENT 'Markers of the user\'s.' CODEC(ZSTD(1)),
    "metadata" Nullable(String) COMMENT 'Free map of the user\'s.' CODEC(ZSTD(1)),
    "process" LowCardinality(Nullable(String)) COMMENT 'Process that runs the span: host/pid/birth.',
    "written_at" DateTime64(9, 'UTC') COMMENT 'When the batch was written, by the writer\'s clock.' CODEC(Delta(8), ZSTD(1)),
    position UInt32 COMMENT 'Place of the row in its batch.' CODEC(ZSTD(1)),
    INDEX started_at_range started_at TYPE minmax GRANULARITY 1,
    INDEX session_id_filter session_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX run_id_filter run_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX user_id_filter user_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX thread_id_filter thread_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX request_id_filter request_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', written_at)
PARTITION BY toDate(written_at)
ORDER BY (trace_id, span_id, started_at)
TTL least(started_at, toDateTime64('2200-01-01 00:00:00', 9, 'UTC')) + toIntervalDay(30)
SETTINGS enable_block_number_column = 1, enable_block_offset_column = 1, remove_empty_parts = 0, replicated_deduplication_window = 10000
COMMENT 'Spans that have begun and perhaps not ended.';

CREATE TABLE IF NOT EXISTS mastra_ai_trace_roots ON CLUSTER `telemetry`
(
    "trace_id" String COMMENT '32 hex digits, the same for all spans of a trace.' CODEC(ZSTD(1)),
    "span_id" String COMMENT '16 hex digits.' CODEC(ZSTD(1)),
    "remote_parent_span_id" Nullable(String) COMMENT 'Parent of a root in another program.' CODEC(ZSTD(1)),
    "name" String COMMENT 'What the span is called.' CODEC(ZSTD(1)),
    "span_type" LowCardinality(String) COMMENT 'Kind: agent_run, model_generation, tool_call…',
    "started_at" DateTime64(9, 'UTC') COMMENT 'Start, UTC.' CODEC(Delta(8), ZSTD(1)),
    "ended_at" Nullable(DateTime64(9, 'UTC')) COMMENT 'End, UTC.' CODEC(Delta(8), ZSTD(1)),
    "status" LowCardinality(String) COMMENT 'running, success, error or interrupted.',
    "error_message" Nullable(String) COMMENT 'Message of the error.' CODEC(ZSTD(1)),
    "model" LowCardinality(Nullable(String)) COMMENT 'Model, of model spans.',
    "provider" LowCardinality(Nullable(String)) COMMENT 'Provider of the model.',
    "input_tokens" Nullable(Int64) COMMENT 'Tokens into the model; on model_generation alone.',
    "output_tokens" Nullable(Int64) COMMENT 'Tokens out of the model; as above.',
    "estimated_cost_usd" Nullable(Float64) COMMENT 'Estimated cost in US dollars; as above.',
    "entity_type" LowCardinality(Nullable(String)) COMMENT 'What kind of thing made it: agent, tool, workflow, step…',
    "entity_id" Nullable(String) COMMENT 'Id of what made it.' CODEC(ZSTD(1)),
    "entity_name" Nullable(String) COMMENT 'Name of what made it.' CODEC(ZSTD(1)),
    "parent_entity_type" LowCardinality(Nullable(String)) COMMENT 'Kind of what called that.',
    "parent_entity_id" Nullable(String) COMMENT 'Id of what called that.' CODEC(ZSTD(1)),
    "parent_entity_name" Nullable(String) COMMENT 'Name of what called that.' CODEC(ZSTD(1)),
    "root_entity_type" LowCardinality(Nullable(String)) COMMENT 'Kind of what the trace began with.',
    "root_entity_id" Nullable(String) COMMENT 'Id of what the trace began with.' CODEC(ZSTD(1)),
    "root_entity_name" Nullable(String) COMMENT 'Name of what the trace began with.' CODEC(ZSTD(1)),
    "user_id" Nullable(String) COMMENT 'End user.' CODEC(ZSTD(1)),
    "organization_id" Nullable(String) COMMENT 'Tenant.' CODEC(ZSTD(1)),
    "resource_id" Nullable(String) COMMENT 'Resource worked on.' CODEC(ZSTD(1)),
    "run_id" Nullable(String) COMMENT 'One execution of an agent or workflow.' CODEC(ZSTD(1)),
    "session_id" Nullable(String) COMMENT 'Conversation; groups traces.' CODEC(ZSTD(1)),
    "thread_id" Nullable(String) COMMENT 'Thread of messages.' CODEC(ZSTD(1)),
    "request_id" Nullable(String) COMMENT 'Request that caused it.' CODEC(ZSTD(1)),
    "environment" LowCardinality(Nullable(String)) COMMENT 'production, development…',
    "source" LowCardinality(Nullable(String)) COMMENT 'Where the program runs from.',
    "service_name" LowCardinality(Nullable(String)) COMMENT 'Program.',
    "experiment_id" Nullable(String) COMMENT 'Experiment it belongs to.' CODEC(ZSTD(1)),
    "tags" Array(String) COMMENT 'Markers of the user\'s.' CODEC(ZSTD(1)),
    "metadata" Nullable(String) COMMENT 'Free map of the user\'s.' CODEC(ZSTD(1)),
    "scope" Nullable(String) COMMENT 'Library that made it.' CODEC(ZSTD(1)),
    "written_at" DateTime64(9, 'UTC') COMMENT 'When the batch was written, by the writer\'s clock.' CODEC(Delta(8), ZSTD(1)),
    position UInt32 COMMENT 'Place of the row in its batch.' CODEC(ZSTD(1)),
    precedence UInt64 MATERIALIZED 18446744073709551615 - toUnixTimestamp64Nano(written_at) COMMENT 'The greater the earlier; of equal rows the greatest stays.' CODEC(ZSTD(1)),
    INDEX trace_id_filter trace_id TYPE bloom_filter(0.0001) GRANULARITY 1,
    INDEX session_id_filter session_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX run_id_filter run_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX user_id_filter user_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX thread_id_filter thread_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX request_id_filter request_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', precedence)
PARTITION BY toDate(written_at)
ORDER BY (started_at, trace_id, span_id)
TTL least(started_at, toDateTime64('2200-01-01 00:00:00', 9, 'UTC')) + toIntervalDay(30)
SETTINGS enable_block_number_column = 1, enable_block_offset_column = 1, remove_empty_parts = 0, replicated_deduplication_window = 10000
COMMENT 'Root spans of traces, without payloads.';

CREATE TABLE IF NOT EXISTS mastra_ai_failed_spans ON CLUSTER `telemetry`
(
    "trace_id" String COMMENT '32 hex digits, the same for all spans of a trace.' CODEC(ZSTD(1)),
    "span_id" String COMMENT '16 hex digits.' CODEC(ZSTD(1)),
    "started_at" DateTime64(9, 'UTC') COMMENT 'Start, UTC.' CODEC(Delta(8), ZSTD(1)),
    "written_at" DateTime64(9, 'UTC') COMMENT 'When the batch was written, by the writer\'s clock.' CODEC(Delta(8), ZSTD(1)),
    position UInt32 COMMENT 'Place of the row in its batch.' CODEC(ZSTD(1)),
    precedence UInt64 MATERIALIZED 18446744073709551615 - toUnixTimestamp64Nano(written_at) COMMENT 'The greater the earlier; of equal rows the greatest stays.' CODEC(ZSTD(1)),
    INDEX started_at_range started_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', precedence)
PARTITION BY toDate(written_at)
ORDER BY (trace_id, span_id, started_at)
TTL least(started_at, toDateTime64('2200-01-01 00:00:00', 9, 'UTC')) + toIntervalDay(30)
SETTINGS enable_block_number_column = 1, enable_block_offset_column = 1, remove_empty_parts = 0, replicated_deduplication_window = 10000
COMMENT 'Spans below the root that failed; their keys.';

CREATE TABLE IF NOT EXISTS mastra_ai_logs ON CLUSTER `telemetry`
(
    "log_id" String COMMENT 'Id; sorts by time.' CODEC(ZSTD(1)),
    "timestamp" DateTime64(9, 'UTC') COMMENT 'Moment, UTC.' CODEC(Delta(8), ZSTD(1)),
    "level" LowCardinality(String) COMMENT 'trace, debug, info, warn, error or fatal.',
    "message" String COMMENT 'What was said.' CODEC(ZSTD(1)),
    "logger" LowCardinality(Nullable(String)) COMMENT 'Logger that said it.',
    "data" Nullable(String) COMMENT 'Fields.' CODEC(ZSTD(1)),
    "trace_id" Nullable(String) COMMENT 'Trace it was made in; NULL outside a trace.' CODEC(ZSTD(1)),
    "span_id" Nullable(String) COMMENT 'Span it was made in; NULL outside a span.' CODEC(ZSTD(1)),
    "entity_type" LowCardinality(Nullable(String)) COMMENT 'What kind of thing made it: agent, tool, workflow, step…',
    "entity_id" Nullable(String) COMMENT 'Id of what made it.' CODEC(ZSTD(1)),
    "entity_name" Nullable(String) COMMENT 'Name of what made it.' CODEC(ZSTD(1)),
    "parent_entity_type" LowCardinality(Nullable(String)) COMMENT 'Kind of what called that.',
    "parent_entity_id" Nullable(String) COMMENT 'Id of what called that.' CODEC(ZSTD(1)),
    "parent_entity_name" Nullable(String) COMMENT 'Name of what called that.' CODEC(ZSTD(1)),
    "root_entity_type" LowCardinality(Nullable(String)) COMMENT 'Kind of what the trace began with.',
    "root_entity_id" Nullable(String) COMMENT 'Id of what the trace began with.' CODEC(ZSTD(1)),
    "root_entity_name" Nullable(String) COMMENT 'Name of what the trace began with.' CODEC(ZSTD(1)),
    "user_id" Nullable(String) COMMENT 'End user.' CODEC(ZSTD(1)),
    "organization_id" Nullable(String) COMMENT 'Tenant.' CODEC(ZSTD(1)),
    "resource_id" Nullable(String) COMMENT 'Resource worked on.' CODEC(ZSTD(1)),
    "run_id" Nullable(String) COMMENT 'One execution of an agent or workflow.' CODEC(ZSTD(1)),
    "session_id" Nullable(String) COMMENT 'Conversation; groups traces.' CODEC(ZSTD(1)),
    "thread_id" Nullable(String) COMMENT 'Thread of messages.' CODEC(ZSTD(1)),
    "request_id" Nullable(String) COMMENT 'Request that caused it.' CODEC(ZSTD(1)),
    "environment" LowCardinality(Nullable(String)) COMMENT 'production, development…',
    "source" LowCardinality(Nullable(String)) COMMENT 'Where the program runs from.',
    "service_name" LowCardinality(Nullable(String)) COMMENT 'Program.',
    "experiment_id" Nullable(String) COMMENT 'Experiment it belongs to.' CODEC(ZSTD(1)),
    "tags" Array(String) COMMENT 'Markers of the user\'s.' CODEC(ZSTD(1)),
    "metadata" Nullable(String) COMMENT 'Free map of the user\'s.' CODEC(ZSTD(1)),
    "written_at" DateTime64(9, 'UTC') COMMENT 'When the batch was written, by the writer\'s clock.' CODEC(Delta(8), ZSTD(1)),
    position UInt32 COMMENT 'Place of the row in its batch.' CODEC(ZSTD(1)),
    precedence UInt64 MATERIALIZED 18446744073709551615 - toUnixTimestamp64Nano(written_at) COMMENT 'The greater the earlier; of equal rows the greatest stays.' CODEC(ZSTD(1)),
    INDEX trace_id_filter trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX session_id_filter session_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX run_id_filter run_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX user_id_filter user_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX thread_id_filter thread_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX request_id_filter request_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX log_id_filter log_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX message_ngrams lower(message) TYPE ngrambf_v1(4, 65536, 3, 0) GRANULARITY 1
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', precedence)
PARTITION BY toDate(written_at)
ORDER BY (timestamp, log_id)
TTL least(timestamp, toDateTime64('2200-01-01 00:00:00', 9, 'UTC')) + toIntervalDay(30)
SETTINGS enable_block_number_column = 1, enable_block_offset_column = 1, remove_empty_parts = 0, replicated_deduplication_window = 10000
COMMENT 'Logs.';

CREATE TABLE IF NOT EXISTS mastra_ai_metrics ON CLUSTER `telemetry`
(
    "metric_id" String COMMENT 'Id; sorts by time.' CODEC(ZSTD(1)),
    "timestamp" DateTime64(9, 'UTC') COMMENT 'Moment, UTC.' CODEC(Delta(8), ZSTD(1)),
    "name" LowCardinality(String) COMMENT 'What was measured.',
    "type" LowCardinality(String) COMMENT 'counter, gauge or histogram.',
    "value" Float64 COMMENT 'Observation.',
    "labels" Map(LowCardinality(String), String) COMMENT 'Labels.' CODEC(ZSTD(1)),
    "unit" LowCardinality(Nullable(String)) COMMENT 'Unit of the value.',
    "trace_id" Nullable(String) COMMENT 'Trace it was made in; NULL outside a trace.' CODEC(ZSTD(1)),
    "span_id" Nullable(String) COMMENT 'Span it was made in; NULL outside a span.' CODEC(ZSTD(1)),
    "provider" LowCardinality(Nullable(String)) COMMENT 'Provider of the model.',
    "model" LowCardinality(Nullable(String)) COMMENT 'Model.',
    "estimated_cost" Nullable(Float64) COMMENT 'Estimated cost.',
    "cost_unit" LowCardinality(Nullable(String)) COMMENT 'Unit of the cost.',
    "entity_type" LowCardinality(Nullable(String)) COMMENT 'What kind of thing made it: agent, tool, workflow, step…',
    "entity_id" Nullable(String) COMMENT 'Id of what made it.' CODEC(ZSTD(1)),
    "entity_name" Nullable(String) COMMENT 'Name of what made it.' CODEC(ZSTD(1)),
    "parent_entity_type" LowCardinality(Nullable(String)) COMMENT 'Kind of what called that.',
    "parent_entity_id" Nullable(String) COMMENT 'Id of what called that.' CODEC(ZSTD(1)),
    "parent_entity_name" Nullable(String) COMMENT 'Name of what called that.' CODEC(ZSTD(1)),
    "root_entity_type" LowCardinality(Nullable(String)) COMMENT 'Kind of what the trace began with.',
    "root_entity_id" Nullable(String) COMMENT 'Id of what the trace began with.' CODEC(ZSTD(1)),
    "root_entity_name" Nullable(String) COMMENT 'Name of what the trace began with.' CODEC(ZSTD(1)),
    "user_id" Nullable(String) COMMENT 'End user.' CODEC(ZSTD(1)),
    "organization_id" Nullable(String) COMMENT 'Tenant.' CODEC(ZSTD(1)),
    "resource_id" Nullable(String) COMMENT 'Resource worked on.' CODEC(ZSTD(1)),
    "run_id" Nullable(String) COMMENT 'One execution of an agent or workflow.' CODEC(ZSTD(1)),
    "session_id" Nullable(String) COMMENT 'Conversation; groups traces.' CODEC(ZSTD(1)),
    "thread_id" Nullable(String) COMMENT 'Thread of messages.' CODEC(ZSTD(1)),
    "request_id" Nullable(String) COMMENT 'Request that caused it.' CODEC(ZSTD(1)),
    "environment" LowCardinality(Nullable(String)) COMMENT 'production, development…',
    "source" LowCardinality(Nullable(String)) COMMENT 'Where the program runs from.',
    "service_name" LowCardinality(Nullable(String)) COMMENT 'Program.',
    "experiment_id" Nullable(String) COMMENT 'Experiment it belongs to.' CODEC(ZSTD(1)),
    "tags" Array(String) COMMENT 'Markers of the user\'s.' CODEC(ZSTD(1)),
    "metadata" Nullable(String) COMMENT 'Free map of the user\'s.' CODEC(ZSTD(1)),
    "written_at" DateTime64(9, 'UTC') COMMENT 'When the batch was written, by the writer\'s clock.' CODEC(Delta(8), ZSTD(1)),
    position UInt32 COMMENT 'Place of the row in its batch.' CODEC(ZSTD(1)),
    precedence UInt64 MATERIALIZED 18446744073709551615 - toUnixTimestamp64Nano(written_at) COMMENT 'The greater the earlier; of equal rows the greatest stays.' CODEC(ZSTD(1)),
    INDEX trace_id_filter trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX session_id_filter session_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX run_id_filter run_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX user_id_filter user_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX thread_id_filter thread_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX request_id_filter request_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX metric_id_filter metric_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX name_set name TYPE set(100) GRANULARITY 1,
    INDEX label_values_filter mapValues(labels) TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', precedence)
PARTITION BY toDate(written_at)
ORDER BY (timestamp, metric_id)
TTL least(timestamp, toDateTime64('2200-01-01 00:00:00', 9, 'UTC')) + toIntervalDay(90)
SETTINGS enable_block_number_column = 1, enable_block_offset_column = 1, remove_empty_parts = 0, replicated_deduplication_window = 10000
COMMENT 'Observations of metrics, each as it was made.';

CREATE TABLE IF NOT EXISTS mastra_ai_scores ON CLUSTER `telemetry`
(
    "score_id" String COMMENT 'Id; sorts by time.' CODEC(ZSTD(1)),
    "timestamp" DateTime64(9, 'UTC') COMMENT 'Moment, UTC.' CODEC(Delta(8), ZSTD(1)),
    "trace_id" Nullable(String) COMMENT 'Trace it was made in; NULL outside a trace.' CODEC(ZSTD(1)),
    "span_id" Nullable(String) COMMENT 'Span it was made in; NULL outside a span.' CODEC(ZSTD(1)),
    "scorer_id" LowCardinality(String) COMMENT 'What judged.',
    "scorer_name" LowCardinality(Nullable(String)) COMMENT 'Its name.',
    "scorer_version" LowCardinality(Nullable(String)) COMMENT 'Its version.',
    "score" Float64 COMMENT 'Score.',
    "reason" Nullable(String) COMMENT 'Why.' CODEC(ZSTD(1)),
    "score_trace_id" Nullable(String) COMMENT 'Trace of the scoring itself.' CODEC(ZSTD(1)),
    "entity_type" LowCardinality(Nullable(String)) COMMENT 'What kind of thing made it: agent, tool, workflow, step…',
    "entity_id" Nullable(String) COMMENT 'Id of what made it.' CODEC(ZSTD(1)),
    "entity_name" Nullable(String) COMMENT 'Name of what made it.' CODEC(ZSTD(1)),
    "parent_entity_type" LowCardinality(Nullable(String)) COMMENT 'Kind of what called that.',
    "parent_entity_id" Nullable(String) COMMENT 'Id of what called that.' CODEC(ZSTD(1)),
    "parent_entity_name" Nullable(String) COMMENT 'Name of what called that.' CODEC(ZSTD(1)),
    "root_entity_type" LowCardinality(Nullable(String)) COMMENT 'Kind of what the trace began with.',
    "root_entity_id" Nullable(String) COMMENT 'Id of what the trace began with.' CODEC(ZSTD(1)),
    "root_entity_name" Nullable(String) COMMENT 'Name of what the trace began with.' CODEC(ZSTD(1)),
    "user_id" Nullable(String) COMMENT 'End user.' CODEC(ZSTD(1)),
    "organization_id" Nullable(String) COMMENT 'Tenant.' CODEC(ZSTD(1)),
    "resource_id" Nullable(String) COMMENT 'Resource worked on.' CODEC(ZSTD(1)),
    "run_id" Nullable(String) COMMENT 'One execution of an agent or workflow.' CODEC(ZSTD(1)),
    "session_id" Nullable(String) COMMENT 'Conversation; groups traces.' CODEC(ZSTD(1)),
    "thread_id" Nullable(String) COMMENT 'Thread of messages.' CODEC(ZSTD(1)),
    "request_id" Nullable(String) COMMENT 'Request that caused it.' CODEC(ZSTD(1)),
    "environment" LowCardinality(Nullable(String)) COMMENT 'production, development…',
    "service_name" LowCardinality(Nullable(String)) COMMENT 'Program.',
    "experiment_id" Nullable(String) COMMENT 'Experiment it belongs to.' CODEC(ZSTD(1)),
    "tags" Array(String) COMMENT 'Markers of the user\'s.' CODEC(ZSTD(1)),
    "source" LowCardinality(Nullable(String)) COMMENT 'live, trace, experiment…',
    "metadata" Nullable(String) COMMENT 'Free map of the user\'s.' CODEC(ZSTD(1)),
    "written_at" DateTime64(9, 'UTC') COMMENT 'When the batch was written, by the writer\'s clock.' CODEC(Delta(8), ZSTD(1)),
    position UInt32 COMMENT 'Place of the row in its batch.' CODEC(ZSTD(1)),
    precedence UInt64 MATERIALIZED 18446744073709551615 - toUnixTimestamp64Nano(written_at) COMMENT 'The greater the earlier; of equal rows the greatest stays.' CODEC(ZSTD(1)),
    INDEX trace_id_filter trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX session_id_filter session_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX run_id_filter run_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX user_id_filter user_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX thread_id_filter thread_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX request_id_filter request_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX score_id_filter score_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', precedence)
PARTITION BY toDate(written_at)
ORDER BY (timestamp, score_id)
SETTINGS enable_block_number_column = 1, enable_block_offset_column = 1, remove_empty_parts = 0, replicated_deduplication_window = 10000
COMMENT 'Scores of spans and traces.';

CREATE TABLE IF NOT EXISTS mastra_ai_feedback ON CLUSTER `telemetry`
(
    "feedback_id" String COMMENT 'Id; sorts by time.' CODEC(ZSTD(1)),
    "timestamp" DateTime64(9, 'UTC') COMMENT 'Moment, UTC.' CODEC(Delta(8), ZSTD(1)),
    "trace_id" Nullable(String) COMMENT 'Trace it was made in; NULL outside a trace.' CODEC(ZSTD(1)),
    "span_id" Nullable(String) COMMENT 'Span it was made in; NULL outside a span.' CODEC(ZSTD(1)),
    "feedback_type" LowCardinality(String) COMMENT 'Kind: thumbs, rating…',
    "value_number" Nullable(Float64) COMMENT 'Value, where it is a number.',
    "value_text" Nullable(String) COMMENT 'Value, where it is a text.' CODEC(ZSTD(1)),
    "comment" Nullable(String) COMMENT 'Comment.' CODEC(ZSTD(1)),
    "source_id" Nullable(String) COMMENT 'Source in its own system.' CODEC(ZSTD(1)),
    "review_status" LowCardinality(String) COMMENT 'needs_review or reviewed.',
    "entity_type" LowCardinality(Nullable(String)) COMMENT 'What kind of thing made it: agent, tool, workflow, step…',
    "entity_id" Nullable(String) COMMENT 'Id of what made it.' CODEC(ZSTD(1)),
    "entity_name" Nullable(String) COMMENT 'Name of what made it.' CODEC(ZSTD(1)),
    "parent_entity_type" LowCardinality(Nullable(String)) COMMENT 'Kind of what called that.',
    "parent_entity_id" Nullable(String) COMMENT 'Id of what called that.' CODEC(ZSTD(1)),
    "parent_entity_name" Nullable(String) COMMENT 'Name of what called that.' CODEC(ZSTD(1)),
    "root_entity_type" LowCardinality(Nullable(String)) COMMENT 'Kind of what the trace began with.',
    "root_entity_id" Nullable(String) COMMENT 'Id of what the trace began with.' CODEC(ZSTD(1)),
    "root_entity_name" Nullable(String) COMMENT 'Name of what the trace began with.' CODEC(ZSTD(1)),
    "user_id" Nullable(String) COMMENT 'End user.' CODEC(ZSTD(1)),
    "organization_id" Nullable(String) COMMENT 'Tenant.' CODEC(ZSTD(1)),
    "resource_id" Nullable(String) COMMENT 'Resource worked on.' CODEC(ZSTD(1)),
    "run_id" Nullable(String) COMMENT 'One execution of an agent or workflow.' CODEC(ZSTD(1)),
    "session_id" Nullable(String) COMMENT 'Conversation; groups traces.' CODEC(ZSTD(1)),
    "thread_id" Nullable(String) COMMENT 'Thread of messages.' CODEC(ZSTD(1)),
    "request_id" Nullable(String) COMMENT 'Request that caused it.' CODEC(ZSTD(1)),
    "environment" LowCardinality(Nullable(String)) COMMENT 'production, development…',
    "service_name" LowCardinality(Nullable(String)) COMMENT 'Program.',
    "experiment_id" Nullable(String) COMMENT 'Experiment it belongs to.' CODEC(ZSTD(1)),
    "tags" Array(String) COMMENT 'Markers of the user\'s.' CODEC(ZSTD(1)),
    "source" LowCardinality(Nullable(String)) COMMENT 'user, reviewer…',
    "metadata" Nullable(String) COMMENT 'Free map of the user\'s.' CODEC(ZSTD(1)),
    "written_at" DateTime64(9, 'UTC') COMMENT 'When the batch was written, by the writer\'s clock.' CODEC(Delta(8), ZSTD(1)),
    position UInt32 COMMENT 'Place of the row in its batch.' CODEC(ZSTD(1)),
    precedence UInt64 MATERIALIZED 18446744073709551615 - toUnixTimestamp64Nano(written_at) COMMENT 'The greater the earlier; of equal rows the greatest stays.' CODEC(ZSTD(1)),
    INDEX trace_id_filter trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX session_id_filter session_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX run_id_filter run_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX user_id_filter user_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX thread_id_filter thread_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX request_id_filter request_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX feedback_id_filter feedback_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', precedence)
PARTITION BY toDate(written_at)
ORDER BY (timestamp, feedback_id)
SETTINGS enable_block_number_column = 1, enable_block_offset_column = 1, remove_empty_parts = 0, replicated_deduplication_window = 10000
COMMENT 'Feedback on spans and traces.';

CREATE MATERIALIZED VIEW IF NOT EXISTS mastra_ai_trace_roots_view ON CLUSTER `telemetry`
TO mastra_ai_trace_roots
AS SELECT "trace_id", "span_id", "remote_parent_span_id", "name", "span_type", "started_at", "ended_at", "status", "error_message", "model", "provider", "input_tokens", "output_tokens", "estimated_cost_usd", "entity_type", "entity_id", "entity_name", "parent_entity_type", "parent_entity_id", "parent_entity_name", "root_entity_type", "root_entity_id", "root_entity_name", "user_id", "organization_id", "resource_id", "run_id", "session_id", "thread_id", "request_id", "environment", "source", "service_name", "experiment_id", "tags", "metadata", "scope", "written_at", "position"
FROM mastra_ai_spans
WHERE parent_span_id IS NULL;

CREATE MATERIALIZED VIEW IF NOT EXISTS mastra_ai_failed_spans_view ON CLUSTER `telemetry`
TO mastra_ai_failed_spans
AS SELECT "trace_id", "span_id", "started_at", "written_at", "position"
FROM mastra_ai_spans
WHERE parent_span_id IS NOT NULL AND status = 'error';
