//! The description of the API, made of the operations themselves. What all operations share (keys,
//! problems, headers, examples of what has examples in its parts) is added here and said nowhere else.

use std::collections::BTreeMap;

use pesan_domain::api_key::Scope;
use serde_json::{Map, Value, json};
use utoipa::OpenApi as _;
use utoipa::openapi::path::{Operation, Paths};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{OpenApi, PathItem};

use crate::problem::{CONTENT_TYPE, Kind};

/// What a key is called among the ways to prove who calls.
const KEY: &str = "key";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Pesan API",
        version = "1",
        description = "Subscribers, bills and messages of a merchant. Money is integer rupiah; \
                       instants are RFC 3339 in UTC; a list is `{\"<plural>\":[…],\"next\"}`, and \
                       `next` is the `cursor` of the page after it, or null.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "Keys", description = "What a key is and may do"),
        (name = "Plans", description = "What subscribers pay for each month"),
        (name = "Subscribers", description = "Who is billed each month"),
        (name = "Documentation", description = "What you are reading, for people and for programs"),
    ),
    components(schemas(crate::problem::Body)),
)]
struct Base;

/// The description before any operation.
pub(crate) fn base() -> OpenApi {
    Base::openapi()
}

/// Says of operations that they need a key, and of it a scope.
pub(crate) fn keyed(mut paths: Paths, scope: Option<Scope>) -> Paths {
    for operation in paths.paths.values_mut().flat_map(operations) {
        let scopes = scope.map(Scope::name);
        operation.security = Some(vec![SecurityRequirement::new(KEY, scopes)]);
    }
    paths
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.patch,
        &mut item.delete,
    ]
    .into_iter()
    .flatten()
}

/// The whole description of a deployment.
pub(crate) fn document(openapi: &OpenApi, base_url: &str) -> Result<Value, serde_json::Error> {
    let mut document = serde_json::to_value(openapi)?;
    document["servers"] = json!([{"url": base_url}]);
    document["components"]["securitySchemes"] = json!({KEY: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "pk_…",
        "description": "A key that the operator made with `pesan key add`.",
    }});
    document["components"]["parameters"] = json!({"IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": false,
        "description": "Your own name of this request. The same again within 24 hours is answered \
                        as the first time and takes effect once.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        "example": "9f1c7f5e-order-1182",
    }});
    document["components"]["headers"] = headers();
    document["components"]["responses"] = problems(base_url);
    let schemas = document["components"]["schemas"].clone();
    let paths = document["paths"].as_object_mut();
    for (_, item) in paths.into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            complete(method, operation, &schemas);
        }
    }
    Ok(document)
}

fn headers() -> Value {
    let header = |description: &str, schema: Value, example: Value| {
        json!({
            "description": description, "required": true, "schema": schema, "example": example,
        })
    };
    let text = json!({"type": "string"});
    json!({
        "RequestId": header(
            "Finds the request in Pesan's log",
            text.clone(),
            json!("5d5c5b5a-0000-4000-8000-000000000001"),
        ),
        "RateLimit": header(
            "How many requests remain (r), and in how many seconds all are there again (t)",
            text.clone(),
            json!("\"key\";r=489;t=1"),
        ),
        "RateLimitPolicy": header(
            "How many requests the key has at once (q), and the seconds in which they come back (w)",
            text.clone(),
            json!("\"key\";q=500;w=5"),
        ),
        "RetryAfter": header(
            "Seconds to wait",
            json!({"type": "integer", "minimum": 1}),
            json!(1),
        ),
        "Challenge": header(
            "What would open it",
            text,
            json!("Bearer realm=\"pesan\", error=\"invalid_token\""),
        ),
    })
}

fn header(name: &str) -> Value {
    json!({"$ref": format!("#/components/headers/{name}")})
}

/// One response for each status that a problem has.
fn problems(base_url: &str) -> Value {
    let mut by_status: BTreeMap<u16, Vec<Kind>> = BTreeMap::new();
    for kind in Kind::ALL {
        let status = kind.about().status.as_u16();
        by_status.entry(status).or_default().push(kind);
    }
    let mut responses = Map::new();
    for (status, kinds) in by_status {
        let titles: Vec<&str> = kinds.iter().map(|kind| kind.about().title).collect();
        let examples: Map<String, Value> = kinds
            .iter()
            .map(|kind| (kind.about().name.to_owned(), example(*kind, base_url)))
            .collect();
        let mut headers = json!({"X-Request-Id": header("RequestId")});
        if matches!(status, 409 | 429 | 503) {
            headers["Retry-After"] = header("RetryAfter");
        }
        if matches!(status, 401 | 403) {
            headers["WWW-Authenticate"] = header("Challenge");
        }
        let response = json!({
            "description": titles.join("; or: "),
            "headers": headers,
            "content": {CONTENT_TYPE: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": examples,
            }},
        });
        responses.insert(format!("Problem{status}"), response);
    }
    Value::Object(responses)
}

fn example(kind: Kind, base_url: &str) -> Value {
    let about = kind.about();
    json!({"value": {
        "type": format!("{base_url}{}{}", crate::problem::PATH, about.name),
        "title": about.title,
        "status": about.status.as_u16(),
        "detail": about.remedy,
        "request_id": "5d5c5b5a-0000-4000-8000-000000000001",
    }})
}

/// Adds to an operation what it shares with the others.
fn complete(method: &str, operation: &mut Value, schemas: &Value) {
    let security = operation["security"][0][KEY].as_array();
    let scoped = security.is_some_and(|scopes| !scopes.is_empty());
    let is_keyed = security.is_some();
    let changes = method != "get";
    let has_body = operation.get("requestBody").is_some();
    let in_path = operation["parameters"]
        .as_array()
        .is_some_and(|all| all.iter().any(|one| one["in"] == "path"));
    for (_, response) in operation["responses"].as_object_mut().into_iter().flatten() {
        let headers = &mut response["headers"];
        headers["X-Request-Id"] = header("RequestId");
        if is_keyed {
            headers["RateLimit"] = header("RateLimit");
            headers["RateLimit-Policy"] = header("RateLimitPolicy");
        }
        exemplify(response.get_mut("content"), schemas);
    }
    if has_body {
        exemplify(operation["requestBody"].get_mut("content"), schemas);
    }
    for parameter in operation["parameters"].as_array_mut().into_iter().flatten() {
        never_null(&mut parameter["schema"]);
    }
    let mut statuses = Vec::new();
    if is_keyed {
        statuses.extend([400, 401, 429, 503]);
        if scoped {
            statuses.push(403);
        }
        if changes {
            statuses.extend([409, 422]);
            let parameter = json!({"$ref": "#/components/parameters/IdempotencyKey"});
            match operation["parameters"].as_array_mut() {
                Some(parameters) => parameters.push(parameter),
                None => operation["parameters"] = json!([parameter]),
            }
        }
    }
    if has_body {
        statuses.extend([413, 415]);
    }
    if in_path {
        statuses.push(404);
    }
    for status in statuses {
        let response = json!({"$ref": format!("#/components/responses/Problem{status}")});
        operation["responses"][status.to_string()] = response;
    }
}

/// A parameter that is left out is no null.
fn never_null(schema: &mut Value) {
    if let Some(types) = schema["type"].as_array_mut() {
        types.retain(|one| one != "null");
        if let [one] = types.as_slice() {
            schema["type"] = one.clone();
        }
    }
}

/// Gives each content an example, made of those of its fields.
fn exemplify(content: Option<&mut Value>, schemas: &Value) {
    let media = content.and_then(Value::as_object_mut);
    for (_, media) in media.into_iter().flatten() {
        if media.get("example").is_none() && media.get("examples").is_none() {
            if let Some(example) = example_of(&media["schema"], schemas) {
                media["example"] = example;
            }
        }
    }
}

/// The example of a schema: its own, or one made of its parts'.
pub(crate) fn example_of(schema: &Value, schemas: &Value) -> Option<Value> {
    if let Some(example) = schema.get("example") {
        return Some(example.clone());
    }
    if let Some(name) = schema["$ref"].as_str().and_then(|at| at.rsplit('/').next()) {
        return example_of(&schemas[name], schemas);
    }
    if let Some(first) = schema["enum"].as_array().and_then(|all| all.first()) {
        return Some(first.clone());
    }
    if let Some(first) = ["allOf", "oneOf", "anyOf"].iter().find_map(|of| {
        schema[*of]
            .as_array()?
            .iter()
            .find(|one| one["type"] != "null")
    }) {
        return example_of(first, schemas);
    }
    if let Some(fields) = schema["properties"].as_object() {
        let fields = fields.iter();
        let fields =
            fields.filter_map(|(name, field)| Some((name.clone(), example_of(field, schemas)?)));
        return Some(Value::Object(fields.collect()));
    }
    let items = schema.get("items")?;
    Some(Value::Array(
        example_of(items, schemas).into_iter().collect(),
    ))
}
