//! What no log may say, and no answer either. Every stack's log is held to that when the stack
//! ends (`tests/src/log.rs`); here everything is played that could bring a secret there.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

use pesan_tests::log::lines;
use pesan_tests::payment::of_transaction;
use pesan_tests::runtime_api::invoke_with;
use pesan_tests::samples;
use pesan_tests::{
    Booked, SERVER_KEY, Stack, TELEGRAM_SECRET, TELEGRAM_SECRET_HEADER, press_update, signature,
    text_update,
};
use reqwest::Method;
use serde_json::{Value, json};

const NAME: &str = "Siti Rahmawati";
const PHONE: &str = "+62 812-0000-7777";
const PHONE_DIGITS: &str = "6281200007777";
const CHAT: i64 = 987_654_321;

/// A chat handle as Siti.
async fn say(stack: &Stack, language: &str, text: &str) {
    let path = format!("/sandbox/telegram/demo/chats/{CHAT}/text");
    let body = json!({"text": text, "language_code": language, "first_name": NAME});
    stack.handle(&path, &body).await;
}

fn keep_private(stack: &Stack) {
    for private in [NAME, "Rahmawati", PHONE, PHONE_DIGITS] {
        stack.keep_private(private);
    }
    stack.keep_private("secret-looking");
}

/// Every way in, with things that are not what they say.
async fn forge(stack: &Stack, booked: &Booked) {
    let update = text_update(1, CHAT, PHONE);
    for secret in [None, Some("forged-secret-0001"), Some(SERVER_KEY)] {
        assert_eq!(stack.update(secret, &update).await.status(), 401);
    }
    for path in [
        format!("/telegram/{TELEGRAM_SECRET}"),
        format!("/telegram/demo/{TELEGRAM_SECRET}"),
        format!("/midtrans/{TELEGRAM_SECRET}"),
        format!("/m/{TELEGRAM_SECRET}"),
        format!("/o/{TELEGRAM_SECRET}"),
        format!("/telegram/demo?secret={TELEGRAM_SECRET}"),
    ] {
        stack.post(&path, &update).await;
        stack.get(&path).await;
    }
    let mut body = of_transaction(&booked.code, "t-forged", "settlement", "200");
    body["signature_key"] = json!(signature(&booked.code, "200", "70000.00", "forged"));
    assert_eq!(stack.notify(&body).await.status(), 401);
    for (path, body) in [
        ("/telegram/demo", format!("{{\"message\":\"{PHONE} {NAME}")),
        ("/telegram/demo", format!("{{\"update_id\":\"{NAME}\"}}")),
        (
            "/midtrans/demo",
            format!("{{\"order_id\":\"secret-looking {NAME}\""),
        ),
        (
            "/midtrans/demo",
            format!("{{\"signature_key\":\"{NAME}\",\"order_id\":\"{PHONE}\"}}"),
        ),
    ] {
        let request = stack
            .request(Method::POST, path)
            .header(TELEGRAM_SECRET_HEADER, TELEGRAM_SECRET)
            .body(body);
        assert_eq!(request.send().await.unwrap().status(), 400, "{path}");
    }
}

/// Every stand-in out of order in every way, while each of the functions needs it.
async fn break_all(stack: &Stack, booked: &Booked) {
    let pending = of_transaction(&booked.code, "t-none", "pending", "201");
    let path = booked.link.strip_prefix(stack.base_url()).unwrap();
    for at in ["telegram", "midtrans", "dynamodb", "ssm"] {
        for fault in [
            "timeout_before",
            "timeout_after",
            "http_500",
            "throttle",
            "403",
            "kill_before",
            "kill_after",
            "AccessDeniedException",
            "InvalidSignatureException",
        ] {
            if !matches!(at, "dynamodb" | "ssm") && fault.ends_with("Exception") {
                continue;
            }
            // Nothing is kept any more: secrets and shops are read again.
            stack.advance("5m").await;
            stack
                .fault(json!({"at": at, "fault": fault, "times": 4}))
                .await;
            let press = press_update(1, CHAT, 1, "0:booking");
            stack.update(Some(TELEGRAM_SECRET), &press).await;
            stack.notify(&pending).await;
            stack.get(path).await;
            stack.click_pay(&booked.link).await;
            stack.end_faults().await;
        }
    }
}

#[tokio::test]
async fn h11_whatever_is_played_the_log_says_no_secret_name_or_code() {
    let stack = Stack::start();
    keep_private(&stack);
    let siti = stack.customer(CHAT);
    for (language, slot) in [("id", "09.00"), ("en", "12.00")] {
        say(&stack, language, "/start").await;
        say(&stack, language, PHONE).await;
        say(&stack, language, &format!("{NAME}, {PHONE}")).await;
        siti.book(slot).await;
    }
    let booked = stack.customer(CHAT + 1).book("15.00").await;
    forge(&stack, &booked).await;
    break_all(&stack, &booked).await;

    let paid = stack.customer(CHAT + 2).book("18.00").await;
    stack
        .fault(json!({"at": "telegram", "fault": "timeout_after", "op": "sendMessage"}))
        .await;
    stack.bank(&paid.code, json!({"do": "pay"})).await;
    stack.bank(&paid.code, json!({"do": "refund"})).await;
    stack.end_faults().await;
    stack
        .put_parameter("merchants/demo/telegram-webhook-secret", "the-next-secret")
        .await;
    stack.advance("31s").await;
    let update = text_update(77, CHAT, PHONE);
    let rotated = stack.update(Some("the-next-secret"), &update).await;
    assert_eq!(rotated.status(), 200);
    stack.line_of(&rotated);

    // All of that did leave its lines.
    let log = stack.log();
    for said in [
        "\"held\"",
        "\"applied\"",
        "\"cut off\"",
        "not authentic",
        "\"relayed\"",
        "\"Unknown\"",
        "secret unreadable",
        "clock skew",
        "aws refused",
    ] {
        assert!(log.contains(said), "{said}");
    }
    assert!(lines(&log).len() > 100);
}

/// Where nobody listens.
fn closed_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// The function's own log, with the connection to one of its outsides refused, is clean; its line.
async fn refused_at(stack: &Stack, name: &str, event: &Value, variables: &[&str]) -> (u64, Value) {
    let nowhere = closed_port();
    let changed: Vec<(&str, &str)> = variables
        .iter()
        .map(|variable| (*variable, nowhere.as_str()))
        .collect();
    let invoked = invoke_with(stack, name, event, &changed).await;
    let mut log = invoked.log;
    for private in [NAME, PHONE, "127.0.0.1", "/bot1", "/v2/"] {
        log.keep_private(private);
        let said = log.text().contains(private);
        assert!(!said, "{private}: {}", log.text());
    }
    log.judge().unwrap_or_else(|verdict| panic!("{verdict}"));
    let status = invoked.answer["statusCode"].as_u64().unwrap();
    (status, invoked.line)
}

#[tokio::test]
async fn h11_a_connection_that_is_refused_says_nothing_of_where_it_was_to_lead() {
    let stack = Stack::start();
    let customer = stack.customer(218_485_655);
    let mut update = samples::event("telegram-webhook");
    let greeting = customer.say("/start").await;
    let press = press_update(892_252_935, 218_485_655, 1, greeting.data_of("Booking"));
    update["body"] = json!(press.to_string());
    let telegram = refused_at(&stack, "telegram-webhook", &update, &["TELEGRAM_API_URL"]).await;
    assert_eq!(telegram.0, 200);
    assert_eq!(telegram.1["error"], "could not: unknown: could not connect");

    let booked = customer.book("09.00").await;
    let mut notification = samples::event("midtrans-notification");
    let body = of_transaction(&booked.code, "t-1", "pending", "201");
    notification["body"] = json!(body.to_string());
    let name = "midtrans-notification";
    let midtrans = refused_at(&stack, name, &notification, &["MIDTRANS_API_URL"]).await;
    assert_eq!(midtrans.0, 503);
    let error = midtrans.1["error"].as_str().unwrap();
    assert!(error.ends_with("could not connect"), "{error}");

    let mut page = samples::event("web");
    let path = booked.link.strip_prefix(stack.base_url()).unwrap();
    page["rawPath"] = json!(path);
    page["requestContext"]["http"]["path"] = json!(path);
    let table = refused_at(&stack, "web", &page, &["AWS_ENDPOINT_URL_DYNAMODB"]).await;
    assert_eq!((table.0, &table.1["faults"]), (503, &json!(1)));

    let secrets = ["AWS_ENDPOINT_URL_SSM"];
    let secrets = refused_at(&stack, "telegram-webhook", &update, &secrets).await;
    assert_eq!(secrets.0, 503);
    assert_eq!(secrets.1["alarm_names"], json!(["secret unreadable"]));
}

#[tokio::test]
async fn h13_whatever_fails_the_answer_says_only_that_it_did() {
    let stack = Stack::start();
    let booked = stack.customer(1).book("09.00").await;
    let update = text_update(1, 2, "/start");
    let pending = of_transaction(&booked.code, "t-none", "pending", "201");
    let page = booked.link.strip_prefix(stack.base_url()).unwrap();
    for (at, fault) in [
        ("dynamodb", "http_500"),
        ("dynamodb", "throttle"),
        ("dynamodb", "timeout_before"),
        ("dynamodb", "conflict"),
        ("dynamodb", "400"),
        ("dynamodb", "AccessDeniedException"),
        ("ssm", "http_500"),
        ("ssm", "InvalidSignatureException"),
        ("midtrans", "http_500"),
        ("midtrans", "timeout_before"),
        ("midtrans", "401"),
    ] {
        stack.advance("5m").await;
        stack
            .fault(json!({"at": at, "fault": fault, "times": 100}))
            .await;
        let taken = stack.update(Some(TELEGRAM_SECRET), &update).await;
        let answers = [taken, stack.notify(&pending).await];
        for answer in answers {
            if at != "midtrans" {
                assert_eq!(answer.status(), 503, "{at} {fault}");
            }
            if answer.status() == 503 {
                let told = answer.text().await.unwrap();
                assert_eq!(told, "could not, try again later", "{at} {fault}");
            }
        }
        let (status, html) = stack.get(page).await;
        assert_eq!(status == 503, at == "dynamodb", "{at} {fault}");
        if status == 503 {
            assert!(html.contains("Sedang ada gangguan"), "{html}");
        }
        let html = html.to_lowercase();
        for word in [
            "exception",
            "dynamodb",
            "arn:",
            "ssm",
            "timeout",
            "panic",
            "midtrans ",
        ] {
            assert!(!html.contains(word), "{word}: {html}");
        }
        stack.end_faults().await;
    }
}
