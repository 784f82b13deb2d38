//! The description of the API, made of the operations themselves. What all operations share (keys,
//! problems, headers, examples of what has examples in its parts) is added here and said nowhere else.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON value is null where nothing is, and what is written to is our own description"
)]

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
        (name = "Billing runs", description = "How a month's bills are made and told of"),
        (name = "Bills", description = "What subscribers are asked for, and the money for it"),
        (name = "Balance", description = "What is paid ahead for messages"),
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

/// What the descriptions of fields and parameters name as their `pattern`, and what that stands for.
const PATTERNS: [(&str, &str); 4] = [
    // A text of one line: nothing blank around it, and nothing in it that nobody sees.
    (
        "line",
        r"^[^\s\x00-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]([^\x00-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]*[^\s\x00-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff])?$",
    ),
    (
        "month",
        "^([2-8][0-9]{3}|9[0-8][0-9]{2}|99[0-8][0-9]|999[0-8])-(0[1-9]|1[0-2])$",
    ),
    (
        "bill number",
        "^B-[2-9][0-9]{3}(0[1-9]|1[0-2])-[a-z0-9][a-z0-9-]{0,23}$",
    ),
    ("id", "^[a-z0-9][a-z0-9-]{0,23}$"),
];

/// Writes out the patterns that are named.
fn spell_patterns(part: &mut Value) {
    match part {
        Value::Object(fields) => {
            if let Some(Value::String(pattern)) = fields.get_mut("pattern")
                && let Some((_, spelt)) = PATTERNS.iter().find(|(name, _)| name == pattern)
            {
                (*spelt).clone_into(pattern);
            }
            fields.values_mut().for_each(spell_patterns);
        }
        Value::Array(parts) => parts.iter_mut().for_each(spell_patterns),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The whole description of a deployment.
pub(crate) fn document(openapi: &OpenApi, base_url: &str) -> Result<Value, serde_json::Error> {
    let mut document = serde_json::to_value(openapi)?;
    spell_patterns(&mut document);
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
        "RetryAfter": {
            "description": "Seconds to wait, where waiting helps",
            "schema": {"type": "integer", "minimum": 1},
            "example": 1,
        },
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
    let scopes = operation["security"][0][KEY].as_array();
    let needs = Needs {
        key: scopes.is_some(),
        scope: scopes.is_some_and(|scopes| !scopes.is_empty()),
        name: scopes.is_some() && method != "get",
        body: operation.get("requestBody").is_some(),
        segment: operation["parameters"]
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one["in"] == "path")),
    };
    complete_parameters(&needs, operation);
    if let Some(body) = operation.get_mut("requestBody") {
        exemplify(body.get_mut("content"), schemas);
    }
    let responses = operation["responses"].as_object_mut();
    for (_, response) in responses.into_iter().flatten() {
        let headers = &mut response["headers"];
        headers["X-Request-Id"] = header("RequestId");
        if needs.key {
            headers["RateLimit"] = header("RateLimit");
            headers["RateLimit-Policy"] = header("RateLimitPolicy");
        }
        exemplify(response.get_mut("content"), schemas);
    }
    for status in needs.problems() {
        let response = json!({"$ref": format!("#/components/responses/Problem{status}")});
        operation["responses"][status.to_string()] = response;
    }
}

/// What an operation asks of a request.
struct Needs {
    key: bool,
    scope: bool,
    /// It may be named by an `Idempotency-Key`.
    name: bool,
    body: bool,
    /// A part of the path names a thing.
    segment: bool,
}

impl Needs {
    /// The statuses of the problems that come of it.
    fn problems(&self) -> Vec<u16> {
        let problems: [(bool, &[u16]); 5] = [
            (self.key, &[400, 401, 429, 500, 503]),
            (self.scope, &[403]),
            (self.name, &[409, 422]),
            (self.body, &[413, 415]),
            (self.segment, &[404]),
        ];
        let those = problems.iter().filter(|(needed, _)| *needed);
        those.flat_map(|(_, statuses)| *statuses).copied().collect()
    }
}

fn complete_parameters(needs: &Needs, operation: &mut Value) {
    let there = operation.get_mut("parameters");
    let mut parameters: Vec<Value> = there
        .and_then(Value::as_array_mut)
        .map(std::mem::take)
        .unwrap_or_default();
    for parameter in &mut parameters {
        never_null(&mut parameter["schema"]);
    }
    if needs.name {
        parameters.push(json!({"$ref": "#/components/parameters/IdempotencyKey"}));
    }
    operation["parameters"] = Value::Array(parameters);
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
        let has_one = media.get("example").is_some() || media.get("examples").is_some();
        if let (false, Some(example)) = (has_one, example_of(&media["schema"], schemas)) {
            media["example"] = example;
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
