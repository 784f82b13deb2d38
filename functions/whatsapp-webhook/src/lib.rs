//! Takes what Meta tells of the merchants' WhatsApp: one address for all of them
//! (<https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/create-webhook-endpoint>).
//! Meta sends again for seven days whatever is not answered with 200, so what can be recorded is
//! never refused for the sake of the rest.

mod wire;

use std::sync::Arc;

use pesan_adapters::clock::Clock;
use pesan_lambda::{Body, Env, Handler, Request, Response, http};
use pesan_service::{App, Config, Failure, whatsapp};

const SIGNATURE_HEADER: &str = "x-hub-signature-256";
/// Meta's bodies have up to 3 MB.
const MOST_BYTES: usize = 3 * 1024 * 1024;
const TOO_LARGE: &str = "the body is larger than 3 MB";

/// Makes the function from its environment.
///
/// # Errors
/// Names the variable that is missing.
pub async fn handler(env: &Env, clock: Clock) -> anyhow::Result<Handler> {
    let config = Config::read(|name| env.optional(name).map(str::to_owned))?;
    let app = Arc::new(App::new(&config, clock)?);
    Ok(pesan_lambda::handler(
        env!("CARGO_PKG_NAME"),
        move |request| {
            let app = Arc::clone(&app);
            async move { answer(&app, &request).await }
        },
    ))
}

async fn answer(app: &App, request: &Request) -> Response<Body> {
    match request.method().as_str() {
        "GET" => verification(app, request).await,
        "POST" => webhook(app, request).await,
        _ => {
            let mut refused = http::refused(405, "only GET and POST are answered here");
            let allowed = pesan_lambda::HeaderValue::from_static("GET, POST");
            refused.headers_mut().insert("allow", allowed);
            refused
        }
    }
}

/// What Meta asks when the address is entered: the bare challenge, for whoever knows the token.
async fn verification(app: &App, request: &Request) -> Response<Body> {
    let asked = |name: &str| http::query(request, name);
    let token = asked("hub.verify_token").unwrap_or_default();
    let verified = whatsapp::verified(app, &token).await;
    let challenge = asked("hub.challenge").filter(|challenge| is_plain(challenge));
    let subscribes = asked("hub.mode").as_deref() == Some("subscribe");
    match (verified, challenge) {
        (Ok(()), Some(challenge)) if subscribes => {
            tracing::info!(kind = "whatsapp", outcome = "verified");
            http::plain(200, &challenge)
        }
        (Err(failure @ Failure::Unavailable(_)), _) => refused(&failure, failure.status()),
        _ => refused(&Failure::NotAuthentic, 403),
    }
}

/// It is sent back, so it is nothing but a number or a word.
fn is_plain(challenge: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=128).contains(&challenge.len()) && challenge.bytes().all(plain)
}

async fn webhook(app: &App, request: &Request) -> Response<Body> {
    let body = match http::body_of(request, MOST_BYTES, TOO_LARGE) {
        Ok(body) => body,
        Err(refused) => return *refused,
    };
    match take(app, request, body).await {
        Ok(()) => http::plain(200, "taken"),
        Err(failure) => refused(&failure, failure.status()),
    }
}

async fn take(app: &App, request: &Request, body: &[u8]) -> Result<(), Failure> {
    let signature = http::single_header(request, SIGNATURE_HEADER);
    whatsapp::authentic(app, signature, body).await?;
    let delivery =
        wire::read(body).map_err(|_| Failure::Malformed("body (not readable JSON)".to_owned()))?;
    Box::pin(whatsapp::take(app, &delivery)).await
}

fn refused(failure: &Failure, status: u16) -> Response<Body> {
    failure.log_refused("whatsapp");
    http::plain(status, &failure.told())
}
