//! The guards every webhook starts with, and its answers.

use lambda_http::{Body, Request, RequestExt as _, Response};

/// The largest body a webhook reads. Telegram's and Midtrans' bodies are a few kilobytes.
pub const BODY_LIMIT: usize = 256 * 1024;
/// What is said of a larger one.
pub const TOO_LARGE: &str = "the body is larger than 256 kB";

/// All that a caller is told of what went wrong on our side.
pub const COULD_NOT: &str = "could not, try again later";

/// An answer with a status and a plain text for whoever reads the sender's log.
#[must_use]
pub fn plain(status: u16, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() =
        http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    if status == 405 {
        response
            .headers_mut()
            .insert(http::header::ALLOW, http::HeaderValue::from_static("POST"));
    }
    response
}

/// A 200 with a JSON body.
#[must_use]
pub fn json(body: &serde_json::Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    response.headers_mut().insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("application/json"),
    );
    response
}

/// The second of a path's two segments. The first is the template's word: which path leads to a
/// function is said there and nowhere else.
#[must_use]
pub fn second_segment(path: &str) -> Option<&str> {
    let (_, second) = path.strip_prefix('/')?.split_once('/')?;
    (!second.is_empty() && !second.contains('/')).then_some(second)
}

/// Refuses what no webhook takes: a method other than POST (405) and a body over
/// [`BODY_LIMIT`] (413), before anything is read from it.
///
/// # Errors
/// The answer to give.
pub fn guard_post(request: &Request) -> Result<&[u8], Box<Response<Body>>> {
    if request.method() != http::Method::POST {
        return Err(Box::new(refused(405, "only POST is answered here")));
    }
    body_of(request, BODY_LIMIT, TOO_LARGE)
}

/// The body, unless it is larger than `most` bytes: then it is refused (413) in `words`, before
/// anything is read from it.
///
/// # Errors
/// The answer to give.
pub fn body_of<'a>(
    request: &'a Request,
    most: usize,
    words: &'static str,
) -> Result<&'a [u8], Box<Response<Body>>> {
    let body: &[u8] = request.body();
    if body.len() > most {
        return Err(Box::new(refused(413, words)));
    }
    Ok(body)
}

/// One value of the query, percent-decoded; the first where there are several.
#[must_use]
pub fn query(request: &Request, name: &str) -> Option<String> {
    let query = request.query_string_parameters();
    query.first(name).map(str::to_owned)
}

/// As [`plain`], with a line in the log.
#[must_use]
pub fn refused(status: u16, text: &str) -> Response<Body> {
    tracing::info!(kind = "request", outcome = "refused", reason = text);
    plain(status, text)
}

/// The value of a header that was sent exactly once and is ASCII.
#[must_use]
pub fn single_header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    let mut values = request.headers().get_all(name).iter();
    let first = values.next()?;
    match values.next() {
        None => first.to_str().ok(),
        Some(_) => None,
    }
}
