//! A request's JSON, read strictly; what is wrong with it is said by the name of its field.

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use pesan_lambda::http::BODY_LIMIT;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use crate::problem::{Kind, Problem};

/// A body in JSON.
#[derive(Debug)]
pub(crate) struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        require_type(request.headers(), "application/json")?;
        let body = axum::body::to_bytes(request.into_body(), BODY_LIMIT).await;
        let body = body.map_err(|_| Problem::too_large(BODY_LIMIT))?;
        read(&body).map(Self)
    }
}

/// Refuses a body of another type.
pub(crate) fn require_type(headers: &HeaderMap, wanted: &str) -> Result<(), Problem> {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let given = values.next().and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.split(';').next());
    let same = given.is_some_and(|given| given.trim().eq_ignore_ascii_case(wanted));
    if same && values.next().is_none() {
        return Ok(());
    }
    let detail = format!("send the body as {wanted}, and say so in Content-Type");
    Err(Problem::at(
        Kind::UnsupportedMediaType,
        "Content-Type",
        detail,
    ))
}

/// A field that may be left out, and is not null where it is there unless `T` takes null.
pub(crate) fn given<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    // The limits hold for what `T` would not look at, too.
    pesan_lambda::json::strict::<serde_json::Value>(body).map_err(|error| malformed(&error))?;
    let mut reader = serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        refused(path, error.inner())
    })
}

fn malformed(error: &serde_json::Error) -> Problem {
    let place = format!("line {}, column {}", error.line(), error.column());
    let detail = format!("the body is no JSON that can be read: look at {place}");
    Problem::new(Kind::MalformedBody, detail)
}

/// What serde says of a field. Its words are of a fixed form, which a test holds it to.
fn refused(path: String, error: &serde_json::Error) -> Problem {
    let said = error.to_string();
    let said = said.split(" at line ").next().unwrap_or_default();
    // Its words for numbers are Rust's.
    let said = ["u64", "i64"].iter().fold(said.to_owned(), |said, word| {
        said.replace(word, "a whole number")
    });
    let quoted = |what: &str| {
        let rest = said.strip_prefix(what)?.strip_prefix(" field `")?;
        rest.split('`').next().map(str::to_owned)
    };
    let within = |name: String| match path.rsplit_once('.') {
        Some((parent, _)) if !parent.is_empty() => format!("{parent}.{name}"),
        _ => name,
    };
    if let Some(name) = quoted("unknown") {
        let name: String = within(name).chars().take(64).collect();
        let detail = format!("{name}: there is no such field; leave it out");
        return Problem::at(Kind::UnknownField, name, detail);
    }
    if let Some(name) = quoted("missing") {
        let detail = format!("{name}: it is missing");
        return Problem::at(Kind::InvalidField, name, detail);
    }
    if let Some(name) = quoted("duplicate") {
        let detail = format!("{name}: it is there twice");
        return Problem::at(Kind::MalformedBody, name, detail);
    }
    if path == "." {
        let detail = "the body is no JSON object with the operation's fields";
        return Problem::new(Kind::MalformedBody, detail);
    }
    let detail = format!("{path}: {said}");
    Problem::at(Kind::InvalidField, path, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[expect(dead_code, reason = "only whether it can be read matters")]
        name: String,
        #[serde(default)]
        #[expect(dead_code, reason = "only whether it can be read matters")]
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code, reason = "only whether it can be read matters")]
        fee: u64,
    }

    #[test]
    fn what_is_wrong_is_said_by_the_name_of_its_field() {
        for (body, kind, field) in [
            (
                r#"{"name":"a","status":"PAID"}"#,
                "unknown-field",
                Some("status"),
            ),
            (
                r#"{"name":"a","inner":{"fee":1,"x":1}}"#,
                "unknown-field",
                Some("inner.x"),
            ),
            (r"{}", "invalid-field", Some("name")),
            (r#"{"name":1}"#, "invalid-field", Some("name")),
            (
                r#"{"name":"a","inner":{"fee":-1}}"#,
                "invalid-field",
                Some("inner.fee"),
            ),
            (r#"{"name":"a","name":"b"}"#, "malformed-body", Some("name")),
            ("[]", "malformed-body", None),
            ("1", "malformed-body", None),
            ("", "malformed-body", None),
            (r#"{"name":"a"} x"#, "malformed-body", None),
        ] {
            let problem = read::<Outer>(body.as_bytes()).unwrap_err();
            let said = problem.body("", "");
            let said = serde_json::to_value(&said).unwrap();
            assert_eq!(problem.name(), kind, "{body} {said}");
            assert_eq!(
                said.get("field").and_then(|field| field.as_str()),
                field,
                "{body} {said}"
            );
        }
    }
}
