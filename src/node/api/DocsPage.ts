/**
 * A page on which the API can be read and tried, without anything from elsewhere.
 */
import { createHash } from "node:crypto"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"

export const response = (): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(page, {
    contentType: "text/html; charset=utf-8",
    headers: { "content-security-policy": policy },
  })

// ---------------------------------------------------------------------------------------------------------

const style = `
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; color: #1a1a1a; }
h1 { margin: 0; } h2 { border-bottom: 1px solid #ccc; margin-top: 2rem; text-transform: capitalize; }
details { border: 1px solid #ddd; border-radius: 4px; margin: .4rem 0; } details[open] { padding-bottom: .6rem; }
summary { cursor: pointer; padding: .4rem .6rem; } summary code { font-weight: 600; }
summary b { display: inline-block; width: 4.2rem; } .get { color: #0a6; } .post { color: #06c; } .delete { color: #b22; }
form, p.more { margin: .4rem .8rem; } label { display: block; margin: .3rem 0; }
label span { display: inline-block; min-width: 11rem; } input, textarea { font: 14px ui-monospace, monospace; padding: .2rem .4rem; }
textarea { width: 100%; height: 7rem; box-sizing: border-box; } button { padding: .3rem 1rem; margin-right: .5rem; }
pre { background: #f5f5f5; margin: .6rem .8rem; max-height: 24rem; overflow: auto; padding: .6rem; white-space: pre-wrap; }
@media (prefers-color-scheme: dark) { body { background: #16181c; color: #ddd; } pre { background: #22252b; } details { border-color: #444; } }
`

/** Lists the routes of the document, and sends what is filled in; an event stream is shown as it comes. */
const script = `
const make = (name, attributes = {}, ...children) => {
  const element = Object.assign(document.createElement(name), attributes);
  element.append(...children);
  return element;
};
const token = document.getElementById("token");
const headersOf = (body) => ({
  ...(token.value === "" ? {} : { authorization: "Bearer " + token.value }),
  ...(body === undefined ? {} : { "content-type": "application/json" }),
});
const example = (schema, all, depth = 0) => {
  if (!schema || depth > 5) return null;
  if (schema.$ref) return example(all[schema.$ref.split("/").pop()], all, depth + 1);
  if (schema.anyOf) return example(schema.anyOf[0], all, depth + 1);
  if (schema.enum) return schema.enum[0];
  if (schema.type === "object") {
    return Object.fromEntries(
      (schema.required || []).map((key) => [key, example((schema.properties || {})[key], all, depth + 1)]));
  }
  return { string: "", integer: 0, number: 0, boolean: false, array: [] }[schema.type] ?? null;
};
const show = async (response, output, signal) => {
  output.textContent = response.status + " " + response.statusText + "\\n\\n";
  const reader = response.body && response.body.getReader();
  const isJson = (response.headers.get("content-type") || "").includes("json");
  if (!reader) return;
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const piece = decoder.decode(value, { stream: true });
    if (isJson) text += piece;
    else output.append(piece.slice(0, 20000));
  }
  if (isJson) output.append(JSON.stringify(JSON.parse(text), null, 2).slice(0, 200000));
};
const route = (path, method, operation, schemas) => {
  const inputs = operation.parameters.map((parameter) => ({ parameter, input: make("input", {
    placeholder: (parameter.schema.enum || []).join(" ") || parameter.schema.type || "",
    required: parameter.required, size: 34 }) }));
  const media = operation.requestBody && operation.requestBody.content["application/json"];
  const body = media && make("textarea", { spellcheck: false,
    value: operation.requestBody.required === false ? "" : JSON.stringify(example(media.schema, schemas), null, 2) });
  const output = make("pre", { hidden: true });
  const stop = make("button", { type: "button", textContent: "Stop", hidden: true });
  const form = make("form", {}, ...inputs.map(({ parameter, input }) => make("label", {},
    make("span", { textContent: parameter.name + (parameter.required ? " *" : "") }), input)),
    ...(body ? [make("label", { textContent: "Body" }, body)] : []),
    make("button", { textContent: "Send" }), stop);
  form.onsubmit = async (event) => {
    event.preventDefault();
    const query = new URLSearchParams();
    const headers = headersOf(body && body.value !== "" ? body.value : undefined);
    let target = path;
    for (const { parameter, input } of inputs) {
      if (parameter.in === "path") target = target.replace("{" + parameter.name + "}", encodeURIComponent(input.value));
      else if (input.value !== "" && parameter.in === "query") query.set(parameter.name, input.value);
      else if (input.value !== "") headers[parameter.name] = input.value;
    }
    const abort = new AbortController();
    stop.onclick = () => abort.abort();
    stop.hidden = output.hidden = false;
    try {
      const url = target + (String(query) === "" ? "" : "?" + query);
      const given = body && body.value !== "" ? { body: body.value } : {};
      await show(await fetch(url, { method: method.toUpperCase(), headers, signal: abort.signal, ...given }), output);
    } catch (error) {
      output.append("\\n" + error);
    }
    stop.hidden = true;
  };
  return make("details", {}, make("summary", {},
    make("b", { className: method, textContent: method.toUpperCase() }), make("code", { textContent: path }),
    " " + (operation.summary || "")),
    ...(operation.description ? [make("p", { className: "more", textContent: operation.description })] : []),
    form, output);
};
const load = async () => {
  const list = document.getElementById("routes");
  const response = await fetch("/openapi.json", { headers: headersOf() });
  if (!response.ok) return list.replaceChildren("Give the token first: " + response.status);
  const api = await response.json();
  list.replaceChildren(...api.tags.flatMap((tag) => [
    make("h2", { textContent: tag.name }), make("p", { textContent: tag.description || "" }),
    ...Object.entries(api.paths).flatMap(([path, methods]) => Object.entries(methods)
      .filter(([, operation]) => operation.tags.includes(tag.name))
      .map(([method, operation]) => route(path, method, operation, api.components.schemas))),
  ]));
};
token.onchange = load;
load();
`

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>ktrdr API</title>
<style>${style}</style>
</head>
<body>
<h1>ktrdr API</h1>
<p>Every route, to read and to try. The document: <a href="/openapi.json">/openapi.json</a></p>
<label><span>Token, if the server has one</span> <input id="token" type="password" autocomplete="off"></label>
<main id="routes">Loading</main>
<script>${script}</script>
</body>
</html>
`

const hashOf = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`

/** Nothing but what is in the page runs, and it talks to this server only. */
const policy = [
  "default-src 'none'",
  `script-src ${hashOf(script)}`,
  `style-src ${hashOf(style)}`,
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ")
