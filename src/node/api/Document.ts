/**
 * The OpenAPI document, beyond what the declaration gives.
 */
import type { OpenAPISpec, OpenAPISpecOperation } from "@effect/platform/OpenApi"

/** Adds the event stream and the token, and sets right what the declaration's own document says otherwise. */
export const complete = (document: Record<string, unknown>): Record<string, unknown> => {
  const { components, paths, ...rest } = withoutIds(document) as unknown as OpenAPISpec
  const { HttpApiDecodeError: _, Issue: __, PropertyKey: ___, ErrorBody, ...schemas } = components.schemas
  const error = { ...ErrorBody, description: "What every answer but a good one has as its body" }
  const corrected = Object.entries(paths).map(([path, methods]) => [
    path,
    Object.fromEntries(
      Object.entries(methods).map(([method, operation]) => [method, correct(operation)] as const),
    ),
  ])
  const token = {
    type: "http",
    scheme: "bearer",
    description: "KTRDR_API_TOKEN of the server, if it has one",
  }
  return {
    ...rest,
    paths: { ...Object.fromEntries(corrected), "/api/v1/operations/{id}/events": { get: events } },
    components: { schemas: { ...schemas, ErrorBody: error }, securitySchemes: { token } },
    security: [{ token: [] }, {}],
  }
}

// ---------------------------------------------------------------------------------------------------------

/** A request that does not decode gets a 422 here, not a 400; a body that may be null may be left out. */
const correct = (given: OpenAPISpecOperation) => {
  const { security: _security, ...operation } = given
  const { 400: wrongState, ...responses } = operation.responses
  const isDeclared = JSON.stringify(wrongState ?? {}).includes("/ErrorBody")
  const body = operation.requestBody
  return {
    ...operation,
    ...(body === undefined || !JSON.stringify(body.content).includes('"null"')
      ? {}
      : { requestBody: { ...body, required: false } }),
    responses: isDeclared
      ? { 400: refused("The state that it is in does not allow it"), ...responses }
      : responses,
  }
}

/** Identifiers of schemas that stand for themselves; several may have the same. */
const withoutIds = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(withoutIds)
    : typeof value === "object" && value !== null
      ? Object.fromEntries(
          Object.entries(value).flatMap(([key, inner]) =>
            key === "$id" || (key === "title" && inner === "unknown") ? [] : [[key, withoutIds(inner)]],
          ),
        )
      : value

const refused = (description: string) => ({
  description,
  content: { "application/json": { schema: { $ref: "#/components/schemas/ErrorBody" } } },
})

const lastId = { type: "integer", minimum: 0 }

const events = {
  tags: ["operations"],
  operationId: "operations.events",
  summary: "What becomes of an operation, as server-sent events",
  description: [
    "The data of an event is a snapshot of the progress as JSON, at most four a second.",
    "An event is called progress, the last one completed, failed or cancelled.",
    "The stream goes on behind the last event id that the client names; without one it begins with now.",
    "A comment comes every 15 seconds.",
  ].join(" "),
  parameters: [
    { name: "id", in: "path", required: true, schema: { type: "string" } },
    { name: "last_event_id", in: "query", required: false, schema: lastId },
    { name: "Last-Event-ID", in: "header", required: false, schema: lastId },
  ],
  responses: {
    200: { description: "The events", content: { "text/event-stream": { schema: { type: "string" } } } },
    204: { description: "The client has had the last one" },
    401: refused("The token is missing or wrong"),
    403: refused("A web page of another origin asked, or one whose name leads here"),
    404: refused("There is no such operation"),
    422: refused("The last event id is no number"),
    503: refused("The server is about to end"),
  },
}
