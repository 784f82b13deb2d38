//! The description for people: pages made of the same document, complete without scripts and
//! without a network beside this one.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON value is null where nothing is"
)]

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use pesan_domain::api_key::Scope;
use serde_json::Value;

use crate::openapi::example_of;
use crate::problem::{About, Kind, PATH};

/// The pages' stylesheet.
pub(crate) const STYLE: &str = include_str!("style.css");

/// All operations and problems.
#[derive(Template)]
#[template(path = "docs.html")]
struct Docs {
    base_url: String,
    groups: Vec<Group>,
    scopes: Vec<(&'static str, &'static str)>,
    problems: Vec<Row>,
}

/// One kind of problem.
#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage {
    about: About,
}

struct Row {
    path: String,
    about: About,
}

struct Group {
    name: String,
    about: String,
    operations: Vec<Operation>,
}

struct Operation {
    id: String,
    method: String,
    path: String,
    summary: String,
    description: String,
    needs: String,
    parameters: Vec<Field>,
    body: Option<Content>,
    responses: Vec<Answer>,
}

struct Field {
    name: String,
    place: String,
    kind: String,
    needed: bool,
    about: String,
}

struct Content {
    media: String,
    fields: Vec<Field>,
    example: String,
}

struct Answer {
    status: String,
    about: String,
    content: Option<Content>,
}

/// The page of the whole description.
pub(crate) fn page(document: &Value) -> Response {
    let tags = document["tags"].as_array();
    let groups = tags.into_iter().flatten().map(|tag| Group {
        name: text(&tag["name"]),
        about: text(&tag["description"]),
        operations: operations(document, &tag["name"]),
    });
    html(&Docs {
        base_url: text(&document["servers"][0]["url"]),
        groups: groups
            .filter(|group| !group.operations.is_empty())
            .collect(),
        scopes: Scope::ALL
            .map(|scope| (scope.name(), scope.words()))
            .to_vec(),
        problems: Kind::ALL
            .map(|kind| Row {
                path: format!("{PATH}{}", kind.about().name),
                about: kind.about(),
            })
            .into(),
    })
}

/// The page of one kind of problem.
pub(crate) fn problem(kind: Kind) -> Response {
    html(&ProblemPage {
        about: kind.about(),
    })
}

fn html(template: &impl Template) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'",
        ),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    match template.render() {
        Ok(html) => (headers, html).into_response(),
        Err(error) => {
            tracing::error!(kind = "page", outcome = "not rendered", %error);
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn operations(document: &Value, tag: &Value) -> Vec<Operation> {
    let mut found = Vec::new();
    let paths = document["paths"].as_object();
    for (path, item) in paths.into_iter().flatten() {
        for method in ["get", "post", "put", "patch", "delete"] {
            let Some(operation) = item.get(method) else {
                continue;
            };
            let tags = operation["tags"].as_array();
            if tags.is_some_and(|tags| tags.contains(tag)) {
                found.push(read(document, path, method, operation));
            }
        }
    }
    found
}

fn read(document: &Value, path: &str, method: &str, operation: &Value) -> Operation {
    let parameters = operation["parameters"].as_array();
    let parameters = parameters.into_iter().flatten();
    let responses = operation["responses"].as_object();
    let answers = responses.into_iter().flatten().map(|(status, response)| {
        let response = resolved(document, response);
        Answer {
            status: status.clone(),
            about: text(&response["description"]),
            content: (!status.starts_with(['4', '5']))
                .then(|| content(document, response))
                .flatten(),
        }
    });
    let needs = match operation["security"][0]["key"].as_array() {
        None => "no key".to_owned(),
        Some(scopes) => scopes.first().map_or_else(
            || "any key".to_owned(),
            |scope| format!("a key with {}", text(scope)),
        ),
    };
    Operation {
        id: text(&operation["operationId"]),
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(&operation["summary"]),
        description: text(&operation["description"]),
        needs,
        parameters: parameters
            .map(|one| parameter(document, resolved(document, one)))
            .collect(),
        body: operation
            .get("requestBody")
            .and_then(|body| content(document, body)),
        responses: answers.collect(),
    }
}

fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let pointer = value["$ref"].as_str().and_then(|at| at.strip_prefix('#'));
    pointer
        .and_then(|pointer| document.pointer(pointer))
        .unwrap_or(value)
}

fn parameter(document: &Value, parameter: &Value) -> Field {
    Field {
        name: text(&parameter["name"]),
        place: text(&parameter["in"]),
        kind: kind(document, &parameter["schema"]),
        needed: parameter["required"] == true,
        about: text(&parameter["description"]),
    }
}

fn content(document: &Value, of: &Value) -> Option<Content> {
    let (media, content) = of["content"].as_object()?.iter().next()?;
    let schema = &content["schema"];
    let schemas = &document["components"]["schemas"];
    let example = content.get("example").cloned();
    let example = example.or_else(|| example_of(schema, schemas));
    let example = match example {
        Some(Value::String(text)) => text,
        Some(example) => format!("{example:#}"),
        None => String::new(),
    };
    Some(Content {
        media: media.clone(),
        fields: fields(document, schema),
        example,
    })
}

/// The fields of an object, or of the things in a list.
fn fields(document: &Value, schema: &Value) -> Vec<Field> {
    let schema = resolved(document, schema);
    let needed = schema["required"].as_array();
    let properties = schema["properties"].as_object();
    let field = |(name, field): (&String, &Value)| Field {
        name: name.clone(),
        place: String::new(),
        kind: kind(document, field),
        needed: needed.is_some_and(|needed| needed.contains(&Value::String(name.clone()))),
        about: text(&field["description"]),
    };
    properties.into_iter().flatten().map(field).collect()
}

/// A schema in a word or two.
fn kind(document: &Value, schema: &Value) -> String {
    let resolved = resolved(document, schema);
    if let Some(values) = resolved["enum"].as_array() {
        let values: Vec<String> = values.iter().map(text).collect();
        return values.join(", ");
    }
    for of in ["allOf", "oneOf", "anyOf"] {
        let some = resolved[of].as_array();
        if let Some(one) = some.and_then(|all| all.iter().find(|one| one["type"] != "null")) {
            return kind(document, one);
        }
    }
    let name = match &resolved["type"] {
        Value::Array(all) => all.iter().map(text).collect::<Vec<_>>().join(" or "),
        one => text(one),
    };
    match (name.as_str(), resolved["format"].as_str()) {
        ("array", _) => format!("list of {}", kind(document, &resolved["items"])),
        ("string", Some(format)) => format!("string ({format})"),
        _ => name,
    }
}
