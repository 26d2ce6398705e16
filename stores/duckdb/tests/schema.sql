CREATE TABLE "mastra_ai_spans" (
    "trace_id" VARCHAR NOT NULL,
    "span_id" VARCHAR NOT NULL,
    "parent_span_id" VARCHAR,
    "remote_parent_span_id" VARCHAR,
    "name" VARCHAR NOT NULL,
    "span_type" VARCHAR NOT NULL,
    "is_event" BOOLEAN NOT NULL,
    "started_at" TIMESTAMP_NS NOT NULL,
    "ended_at" TIMESTAMP_NS,
    "status" VARCHAR NOT NULL,
    "error" JSON,
    "error_message" VARCHAR,
    "input" JSON,
    "output" JSON,
    "attributes" JSON,
    "links" JSON,
    "scope" JSON,
    "model" VARCHAR,
    "provider" VARCHAR,
    "input_tokens" BIGINT,
    "output_tokens" BIGINT,
    "estimated_cost_usd" DOUBLE,
    "entity_type" VARCHAR,
    "entity_id" VARCHAR,
    "entity_name" VARCHAR,
    "parent_entity_type" VARCHAR,
    "parent_entity_id" VARCHAR,
    "parent_entity_name" VARCHAR,
    "root_entity_type" VARCHAR,
    "root_entity_id" VARCHAR,
    "root_entity_name" VARCHAR,
    "user_id" VARCHAR,
    "organization_id" VARCHAR,
    "resource_id" VARCHAR,
    "run_id" VARCHAR,
    "session_id" VARCHAR,
    "thread_id" VARCHAR,
    "request_id" VARCHAR,
    "environment" VARCHAR,
    "source" VARCHAR,
    "service_name" VARCHAR,
    "experiment_id" VARCHAR,
    "tags" VARCHAR[],
    "metadata" JSON
);
COMMENT ON TABLE "mastra_ai_spans" IS 'Spans that ended.';
COMMENT ON COLUMN "mastra_ai_spans"."trace_id" IS '32 hex digits, the same for all spans of a trace.';
COMMENT ON COLUMN "mastra_ai_spans"."span_id" IS '16 hex digits.';
COMMENT ON COLUMN "mastra_ai_spans"."parent_span_id" IS 'Span this one was made in; NULL for a root.';
COMMENT ON COLUMN "mastra_ai_spans"."remote_parent_span_id" IS 'Parent of a root in another program.';
COMMENT ON COLUMN "mastra_ai_spans"."name" IS 'What the span is called.';
COMMENT ON COLUMN "mastra_ai_spans"."span_type" IS 'Kind: agent_run, model_generation, tool_call…';
COMMENT ON COLUMN "mastra_ai_spans"."is_event" IS 'A moment rather than a piece of work.';
COMMENT ON COLUMN "mastra_ai_spans"."started_at" IS 'Start, UTC.';
COMMENT ON COLUMN "mastra_ai_spans"."ended_at" IS 'End, UTC.';
COMMENT ON COLUMN "mastra_ai_spans"."status" IS 'running, success, error or interrupted.';
COMMENT ON COLUMN "mastra_ai_spans"."error" IS 'Error: type, message, stack.';
COMMENT ON COLUMN "mastra_ai_spans"."error_message" IS 'Message of the error.';
COMMENT ON COLUMN "mastra_ai_spans"."input" IS 'What went in.';
COMMENT ON COLUMN "mastra_ai_spans"."output" IS 'What came out.';
COMMENT ON COLUMN "mastra_ai_spans"."attributes" IS 'Attributes of its kind.';
COMMENT ON COLUMN "mastra_ai_spans"."links" IS 'Spans of other traces it belongs with.';
COMMENT ON COLUMN "mastra_ai_spans"."scope" IS 'Library that made it.';
COMMENT ON COLUMN "mastra_ai_spans"."model" IS 'Model, of model spans.';
COMMENT ON COLUMN "mastra_ai_spans"."provider" IS 'Provider of the model.';
COMMENT ON COLUMN "mastra_ai_spans"."input_tokens" IS 'Tokens into the model.';
COMMENT ON COLUMN "mastra_ai_spans"."output_tokens" IS 'Tokens out of the model.';
COMMENT ON COLUMN "mastra_ai_spans"."estimated_cost_usd" IS 'Estimated cost in US dollars.';
COMMENT ON COLUMN "mastra_ai_spans"."entity_type" IS 'What kind of thing made it: agent, tool, workflow, step…';
COMMENT ON COLUMN "mastra_ai_spans"."entity_id" IS 'Id of what made it.';
COMMENT ON COLUMN "mastra_ai_spans"."entity_name" IS 'Name of what made it.';
COMMENT ON COLUMN "mastra_ai_spans"."parent_entity_type" IS 'Kind of what called that.';
COMMENT ON COLUMN "mastra_ai_spans"."parent_entity_id" IS 'Id of what called that.';
COMMENT ON COLUMN "mastra_ai_spans"."parent_entity_name" IS 'Name of what called that.';
COMMENT ON COLUMN "mastra_ai_spans"."root_entity_type" IS 'Kind of what the trace began with.';
COMMENT ON COLUMN "mastra_ai_spans"."root_entity_id" IS 'Id of what the trace began with.';
COMMENT ON COLUMN "mastra_ai_spans"."root_entity_name" IS 'Name of what the trace began with.';
COMMENT ON COLUMN "mastra_ai_spans"."user_id" IS 'End user.';
COMMENT ON COLUMN "mastra_ai_spans"."organization_id" IS 'Tenant.';
COMMENT ON COLUMN "mastra_ai_spans"."resource_id" IS 'Resource worked on.';
COMMENT ON COLUMN "mastra_ai_spans"."run_id" IS 'One execution of an agent or workflow.';
COMMENT ON COLUMN "mastra_ai_spans"."session_id" IS 'Conversation; groups traces.';
COMMENT ON COLUMN "mastra_ai_spans"."thread_id" IS 'Thread of messages.';
COMMENT ON COLUMN "mastra_ai_spans"."request_id" IS 'Request that caused it.';
COMMENT ON COLUMN "mastra_ai_spans"."environment" IS 'production, development…';
COMMENT ON COLUMN "mastra_ai_spans"."source" IS 'Where the program runs from.';
COMMENT ON COLUMN "mastra_ai_spans"."service_name" IS 'Program.';
COMMENT ON COLUMN "mastra_ai_spans"."experiment_id" IS 'Experiment it belongs to.';
COMMENT ON COLUMN "mastra_ai_spans"."tags" IS 'Markers of the user''s.';
COMMENT ON COLUMN "mastra_ai_spans"."metadata" IS 'Free map of the user''s.';
CREATE TABLE "mastra_ai_open_spans" (
    "trace_id" VARCHAR NOT NULL,
    "span_id" VARCHAR NOT NULL,
    "parent_span_id" VARCHAR,
    "remote_parent_span_id" VARCHAR,
    "name" VARCHAR NOT NULL,
    "span_type" VARCHAR NOT NULL,
    "is_event" BOOLEAN NOT NULL,
    "started_at" TIMESTAMP_NS NOT NULL,
    "ended_at" TIMESTAMP_NS,
    "status" VARCHAR NOT NULL,
    "error" JSON,
    "error_message" VARCHAR,
    "input" JSON,
    "output" JSON,
    "attributes" JSON,
    "links" JSON,
    "scope" JSON,
    "model" VARCHAR,
    "provider" VARCHAR,
    "input_tokens" BIGINT,
    "output_tokens" BIGINT,
    "estimated_cost_usd" DOUBLE,
    "entity_type" VARCHAR,
    "entity_id" VARCHAR,
    "entity_name" VARCHAR,
    "parent_entity_type" VARCHAR,
    "parent_entity_id" VARCHAR,
    "parent_entity_name" VARCHAR,
    "root_entity_type" VARCHAR,
    "root_entity_id" VARCHAR,
    "root_entity_name" VARCHAR,
    "user_id" VARCHAR,
    "organization_id" VARCHAR,
    "resource_id" VARCHAR,
    "run_id" VARCHAR,
    "session_id" VARCHAR,
    "thread_id" VARCHAR,
    "request_id" VARCHAR,
    "environment" VARCHAR,
    "source" VARCHAR,
    "service_name" VARCHAR,
    "experiment_id" VARCHAR,
    "tags" VARCHAR[],
    "metadata" JSON,
    "process" VARCHAR
);
COMMENT ON TABLE "mastra_ai_open_spans" IS 'Spans that have begun and not ended.';
COMMENT ON COLUMN "mastra_ai_open_spans"."trace_id" IS '32 hex digits, the same for all spans of a trace.';
COMMENT ON COLUMN "mastra_ai_open_spans"."span_id" IS '16 hex digits.';
COMMENT ON COLUMN "mastra_ai_open_spans"."parent_span_id" IS 'Span this one was made in; NULL for a root.';
COMMENT ON COLUMN "mastra_ai_open_spans"."remote_parent_span_id" IS 'Parent of a root in another program.';
COMMENT ON COLUMN "mastra_ai_open_spans"."name" IS 'What the span is called.';
COMMENT ON COLUMN "mastra_ai_open_spans"."span_type" IS 'Kind: agent_run, model_generation, tool_call…';
COMMENT ON COLUMN "mastra_ai_open_spans"."is_event" IS 'A moment rather than a piece of work.';
COMMENT ON COLUMN "mastra_ai_open_spans"."started_at" IS 'Start, UTC.';
COMMENT ON COLUMN "mastra_ai_open_spans"."ended_at" IS 'End, UTC.';
COMMENT ON COLUMN "mastra_ai_open_spans"."status" IS 'running, success, error or interrupted.';
COMMENT ON COLUMN "mastra_ai_open_spans"."error" IS 'Error: type, message, stack.';
COMMENT ON COLUMN "mastra_ai_open_spans"."error_message" IS 'Message of the error.';
COMMENT ON COLUMN "mastra_ai_open_spans"."input" IS 'What went in.';
COMMENT ON COLUMN "mastra_ai_open_spans"."output" IS 'What came out.';
COMMENT ON COLUMN "mastra_ai_open_spans"."attributes" IS 'Attributes of its kind.';
COMMENT ON COLUMN "mastra_ai_open_spans"."links" IS 'Spans of other traces it belongs with.';
COMMENT ON COLUMN "mastra_ai_open_spans"."scope" IS 'Library that made it.';
COMMENT ON COLUMN "mastra_ai_open_spans"."model" IS 'Model, of model spans.';
COMMENT ON COLUMN "mastra_ai_open_spans"."provider" IS 'Provider of the model.';
COMMENT ON COLUMN "mastra_ai_open_spans"."input_tokens" IS 'Tokens into the model.';
COMMENT ON COLUMN "mastra_ai_open_spans"."output_tokens" IS 'Tokens out of the model.';
COMMENT ON COLUMN "mastra_ai_open_spans"."estimated_cost_usd" IS 'Estimated cost in US dollars.';
COMMENT ON COLUMN "mastra_ai_open_spans"."entity_type" IS 'What kind of thing made it: agent, tool, workflow, step…';
COMMENT ON COLUMN "mastra_ai_open_spans"."entity_id" IS 'Id of what made it.';
COMMENT ON COLUMN "mastra_ai_open_spans"."entity_name" IS 'Name of what made it.';
COMMENT ON COLUMN "mastra_ai_open_spans"."parent_entity_type" IS 'Kind of what called that.';
COMMENT ON COLUMN "mastra_ai_open_spans"."parent_entity_id" IS 'Id of what called that.';
COMMENT ON COLUMN "mastra_ai_open_spans"."parent_entity_name" IS 'Name of what called that.';
COMMENT ON COLUMN "mastra_ai_open_spans"."root_entity_type" IS 'Kind of what the trace began with.';
COMMENT ON COLUMN "mastra_ai_open_spans"."root_entity_id" IS 'Id of what the trace began with.';
COMMENT ON COLUMN "mastra_ai_open_spans"."root_entity_name" IS 'Name of what the trace began with.';
COMMENT ON COLUMN "mastra_ai_open_spans"."user_id" IS 'End user.';
COMMENT ON COLUMN "mastra_ai_open_spans"."organization_id" IS 'Tenant.';
COMMENT ON COLUMN "mastra_ai_open_spans"."resource_id" IS 'Resource worked on.';
COMMENT ON COLUMN "mastra_ai_open_spans"."run_id" IS 'One execution of an agent or workflow.';
COMMENT ON COLUMN "mastra_ai_open_spans"."session_id" IS 'Conversation; groups traces.';
COMMENT ON COLUMN "mastra_ai_open_spans"."thread_id" IS 'Thread of messages.';
COMMENT ON COLUMN "mastra_ai_open_spans"."request_id" IS 'Request that caused it.';
COMMENT ON COLUMN "mastra_ai_open_spans"."environment" IS 'production, development…';
COMMENT ON COLUMN "mastra_ai_open_spans"."source" IS 'Where the program runs from.';
COMMENT ON COLUMN "mastra_ai_open_spans"."service_name" IS 'Program.';
COMMENT ON COLUMN "mastra_ai_open_spans"."experiment_id" IS 'Experiment it belongs to.';
COMMENT ON COLUMN "mastra_ai_open_spans"."tags" IS 'Markers of the user''s.';
COMMENT ON COLUMN "mastra_ai_open_spans"."metadata" IS 'Free map of the user''s.';
COMMENT ON COLUMN "mastra_ai_open_spans"."process" IS 'Process that runs the span: host/pid/birth.';
CREATE TABLE "mastra_ai_trace_roots" (
    "trace_id" VARCHAR NOT NULL,
    "span_id" VARCHAR NOT NULL,
    "remote_parent_span_id" VARCHAR,
    "name" VARCHAR NOT NULL,
    "span_type" VARCHAR NOT NULL,
    "started_at" TIMESTAMP_NS NOT NULL,
    "ended_at" TIMESTAMP_NS,
    "status" VARCHAR NOT NULL,
    "error_message" VARCHAR,
    "model" VARCHAR,
    "provider" VARCHAR,
    "input_tokens" BIGINT,
    "output_tokens" BIGINT,
    "estimated_cost_usd" DOUBLE,
    "entity_type" VARCHAR,
    "entity_id" VARCHAR,
    "entity_name" VARCHAR,
    "parent_entity_type" VARCHAR,
    "parent_entity_id" VARCHAR,
    "parent_entity_name" VARCHAR,
    "root_entity_type" VARCHAR,
    "root_entity_id" VARCHAR,
    "root_entity_name" VARCHAR,
    "user_id" VARCHAR,
    "organization_id" VARCHAR,
    "resource_id" VARCHAR,
    "run_id" VARCHAR,
    "session_id" VARCHAR,
    "thread_id" VARCHAR,
    "request_id" VARCHAR,
    "environment" VARCHAR,
    "source" VARCHAR,
    "service_name" VARCHAR,
    "experiment_id" VARCHAR,
    "tags" VARCHAR[],
    "metadata" JSON,
    "scope" JSON,
    "has_child_error" BOOLEAN NOT NULL
);
COMMENT ON TABLE "mastra_ai_trace_roots" IS 'Root spans of traces, without payloads.';
COMMENT ON COLUMN "mastra_ai_trace_roots"."trace_id" IS '32 hex digits, the same for all spans of a trace.';
COMMENT ON COLUMN "mastra_ai_trace_roots"."span_id" IS '16 hex digits.';
COMMENT ON COLUMN "mastra_ai_trace_roots"."remote_parent_span_id" IS 'Parent of a root in another program.';
COMMENT ON COLUMN "mastra_ai_trace_roots"."name" IS 'What the span is called.';
COMMENT ON COLUMN "mastra_ai_trace_roots"."span_type" IS 'Kind: agent_run, model_generation, tool_call…';
COMMENT ON COLUMN "mastra_ai_trace_roots"."started_at" IS 'Start, UTC.';
COMMENT ON COLUMN "mastra_ai_trace_roots"."ended_at" IS 'End, UTC.';
COMMENT ON COLUMN "mastra_ai_trace_roots"."status" IS 'running, success, error or interrupted.';
COMMENT ON COLUMN "mastra_ai_trace_roots"."error_message" IS 'Message of the error.';
COMMENT ON COLUMN "mastra_ai_trace_roots"."model" IS 'Model, of model spans.';
COMMENT ON COLUMN "mastra_ai_trace_roots"."provider" IS 'Provider of the model.';
COMMENT ON COLUMN "mastra_ai_trace_roots"."input_tokens" IS 'Tokens into the model.';
COMMENT ON COLUMN "mastra_ai_trace_roots"."output_tokens" IS 'Tokens out of the model.';
COMMENT ON COLUMN "mastra_ai_trace_roots"."estimated_cost_usd" IS 'Estimated cost in US dollars.';
COMMENT ON COLUMN "mastra_ai_trace_roots"."entity_type" IS 'What kind of thing made it: agent, tool, workflow, step…';
COMMENT ON COLUMN "mastra_ai_trace_roots"."entity_id" IS 'Id of what made it.';
COMMENT ON COLUMN "mastra_ai_trace_roots"."entity_name" IS 'Name of what made it.';
COMMENT ON COLUMN "mastra_ai_trace_roots"."parent_entity_type" IS 'Kind of what called that.';
COMMENT ON COLUMN "mastra_ai_trace_roots"."parent_entity_id" IS 'Id of what called that.';
COMMENT ON COLUMN "mastra_ai_trace_roots"."parent_entity_name" IS 'Name of what called that.';
COMMENT ON COLUMN "mastra_ai_trace_roots"."root_entity_type" IS 'Kind of what the trace began with.';
COMMENT ON COLUMN "mastra_ai_trace_roots"."root_entity_id" IS 'Id of what the trace began with.';
COMMENT ON COLUMN "mastra_ai_trace_roots"."root_entity_name" IS 'Name of what the trace began with.';
COMMENT ON COLUMN "mastra_ai_trace_roots"."user_id" IS 'End user.';
COMMENT ON COLUMN "mastra_ai_trace_roots"."organization_id" IS 'Tenant.';
COMMENT ON COLUMN "mastra_ai_trace_roots"."resource_id" IS 'Resource worked on.';
COMMENT ON COLUMN "mastra_ai_trace_roots"."run_id" IS 'One execution of an agent or workflow.';
COMMENT ON COLUMN "mastra_ai_trace_roots"."session_id" IS 'Conversation; groups traces.';
COMMENT ON COLUMN "mastra_ai_trace_roots"."thread_id" IS 'Thread of messages.';
COMMENT ON COLUMN "mastra_ai_trace_roots"."request_id" IS 'Request that caused it.';
COMMENT ON COLUMN "mastra_ai_trace_roots"."environment" IS 'production, development…';
COMMENT ON COLUMN "mastra_ai_trace_roots"."source" IS 'Where the program runs from.';
COMMENT ON COLUMN "mastra_ai_trace_roots"."service_name" IS 'Program.';
COMMENT ON COLUMN "mastra_ai_trace_roots"."experiment_id" IS 'Experiment it belongs to.';
COMMENT ON COLUMN "mastra_ai_trace_roots"."tags" IS 'Markers of the user''s.';
COMMENT ON COLUMN "mastra_ai_trace_roots"."metadata" IS 'Free map of the user''s.';
COMMENT ON COLUMN "mastra_ai_trace_roots"."scope" IS 'Library that made it.';
COMMENT ON COLUMN "mastra_ai_trace_roots"."has_child_error" IS 'Whether a span below the root failed.';
CREATE TABLE "mastra_ai_failed_traces" (
    "trace_id" VARCHAR NOT NULL
);
COMMENT ON TABLE "mastra_ai_failed_traces" IS 'Traces in which a span below the root failed.';
COMMENT ON COLUMN "mastra_ai_failed_traces"."trace_id" IS '32 hex digits, the same for all spans of a trace.';
