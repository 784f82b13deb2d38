//! The wire that Telegram speaks, from whoever speaks it.

#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

use pesan_tests::{Stack, TELEGRAM_SECRET, TELEGRAM_SECRET_HEADER, press_update, text_update};
use reqwest::Method;
use reqwest::header::HeaderValue;
use serde_json::{Value, json};

const SECRET_PARAMETER: &str = "merchants/demo/telegram-webhook-secret";

/// Every row of the table, in order.
async fn rows(stack: &Stack) -> Vec<String> {
    let mut rows: Vec<String> = stack.rows().await.iter().map(Value::to_string).collect();
    rows.sort();
    rows
}

/// The status of an update with a secret.
async fn status(stack: &Stack, secret: Option<&str>, body: &Value) -> u16 {
    stack.update(secret, body).await.status().as_u16()
}

/// The status of any bytes with the right secret.
async fn status_of_bytes(stack: &Stack, body: impl Into<reqwest::Body>) -> u16 {
    let request = stack
        .request(Method::POST, "/telegram/demo")
        .header(TELEGRAM_SECRET_HEADER, TELEGRAM_SECRET)
        .header("Content-Type", "application/json")
        .body(body);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a1_an_update_without_the_secret_is_refused() {
    let stack = Stack::start();
    let before = rows(&stack).await;
    for body in [
        text_update(1, 1, "/start"),
        press_update(2, 1, 1, "0:booking"),
        json!({}),
    ] {
        assert_eq!(status(&stack, None, &body).await, 401);
    }
    assert_eq!(rows(&stack).await, before);
    assert_eq!(
        stack.count("telegram", Some("answerCallbackQuery")).await,
        0
    );
    // The same update with the secret is taken: it was not the update that was refused.
    let update = text_update(1, 1, "/start");
    assert_eq!(status(&stack, Some(TELEGRAM_SECRET), &update).await, 200);
    assert_eq!(rows(&stack).await.len(), before.len() + 1);
}

#[tokio::test]
async fn a2_a_secret_that_is_wrong_in_any_way_is_refused() {
    let stack = Stack::start();
    let before = rows(&stack).await;
    let update = text_update(1, 1, "/start");
    let (long, doubled) = ("x".repeat(10_000), TELEGRAM_SECRET.repeat(2));
    for wrong in [
        "demo-telegram-secreu",
        "demo-telegram-secre",
        "demo-telegram-secret0",
        "Demo-telegram-secret",
        "demo2-telegram-secret",
        "demo-telegram-secret,demo-telegram-secret",
        "\"demo-telegram-secret\"",
        "",
        &long,
        &doubled,
    ] {
        assert_eq!(
            status(&stack, Some(wrong), &update).await,
            401,
            "{wrong:.30}"
        );
    }
    assert_eq!(rows(&stack).await, before);
}

#[tokio::test]
async fn a2_a_secret_of_other_letters_is_refused() {
    let stack = Stack::start();
    let before = rows(&stack).await;
    for wrong in [
        &b"demo-telegram-secr\xc3\xa9t"[..],
        b"demo-telegram-secret\xff",
        b"\xf0\x9f\x99\x82",
    ] {
        let request = stack
            .request(Method::POST, "/telegram/demo")
            .header(
                TELEGRAM_SECRET_HEADER,
                HeaderValue::from_bytes(wrong).unwrap(),
            )
            .json(&text_update(1, 1, "/start"));
        assert_eq!(request.send().await.unwrap().status(), 401, "{wrong:?}");
    }
    assert_eq!(rows(&stack).await, before);
}

#[tokio::test]
async fn a2_a_secret_that_is_sent_twice_is_refused() {
    let stack = Stack::start();
    let before = rows(&stack).await;
    for twice in [
        [TELEGRAM_SECRET, "wrong"],
        ["wrong", TELEGRAM_SECRET],
        ["", TELEGRAM_SECRET],
        [TELEGRAM_SECRET, TELEGRAM_SECRET],
    ] {
        let mut request = stack
            .request(Method::POST, "/telegram/demo")
            .json(&text_update(1, 1, "/start"));
        for secret in twice {
            request = request.header(TELEGRAM_SECRET_HEADER, secret);
        }
        assert_eq!(request.send().await.unwrap().status(), 401, "{twice:?}");
    }
    assert_eq!(rows(&stack).await, before);
}

#[tokio::test]
async fn a3_without_a_secret_of_its_own_nothing_is_taken() {
    let stack = Stack::start();
    let before = rows(&stack).await;
    let update = text_update(1, 1, "/start");
    stack.delete_parameter(SECRET_PARAMETER).await;
    for blank in [None, Some(""), Some("  "), Some("\t\n")] {
        if let Some(blank) = blank {
            stack.put_parameter(SECRET_PARAMETER, blank).await;
        }
        for given in [None, Some(""), Some(" "), Some(TELEGRAM_SECRET)] {
            assert_eq!(
                status(&stack, given, &update).await,
                503,
                "{blank:?} {given:?}"
            );
        }
    }
    assert_eq!(rows(&stack).await, before);
    // It is there again at once: that it was missing is not remembered.
    stack.put_parameter(SECRET_PARAMETER, TELEGRAM_SECRET).await;
    assert_eq!(status(&stack, Some(TELEGRAM_SECRET), &update).await, 200);
}

#[tokio::test]
async fn a_changed_secret_is_taken_up_within_five_minutes() {
    let stack = Stack::start();
    let update = text_update(1, 1, "/start");
    assert_eq!(status(&stack, Some(TELEGRAM_SECRET), &update).await, 200);
    stack.put_parameter(SECRET_PARAMETER, "the-next-one").await;
    stack.advance("5m").await;
    assert_eq!(status(&stack, Some(TELEGRAM_SECRET), &update).await, 401);
    assert_eq!(status(&stack, Some("the-next-one"), &update).await, 200);
}

#[tokio::test]
async fn a4_a_secret_in_the_address_is_no_secret() {
    let stack = Stack::start();
    let before = rows(&stack).await;
    let post = async |path: &str| {
        let request = stack.request(Method::POST, path);
        let sent = request.json(&text_update(1, 1, "/start")).send().await;
        sent.unwrap().status().as_u16()
    };
    for query in ["secret", "secret_token", "token", TELEGRAM_SECRET_HEADER] {
        let path = format!("/telegram/demo?{query}={TELEGRAM_SECRET}");
        assert_eq!(post(&path).await, 401, "{path}");
    }
    for path in [
        format!("/telegram/demo/{TELEGRAM_SECRET}"),
        format!("/telegram/{TELEGRAM_SECRET}"),
        "/telegram/1:demo".to_owned(),
    ] {
        assert_eq!(post(&path).await, 404, "{path}");
    }
    assert_eq!(rows(&stack).await, before);
}

#[tokio::test]
async fn a19_a_body_over_the_cap_is_refused_before_it_is_read() {
    let stack = Stack::start();
    let before = rows(&stack).await;
    let padded = |bytes: usize| {
        let mut body = text_update(1, 1, "/start").to_string().into_bytes();
        body.resize(bytes, b' ');
        body
    };
    const CAP: usize = 256 * 1024;
    assert_eq!(status_of_bytes(&stack, padded(CAP + 1)).await, 413);
    assert_eq!(status_of_bytes(&stack, vec![b'['; CAP + 1]).await, 413);
    assert_eq!(status_of_bytes(&stack, padded(6 * 1024 * 1024)).await, 413);
    assert_eq!(rows(&stack).await, before);
    // Without a secret as well: the size is looked at first.
    let request = stack.request(Method::POST, "/telegram/demo");
    let refused = request.body(padded(CAP + 1)).send().await.unwrap();
    assert_eq!(refused.status(), 413);
    assert_eq!(status_of_bytes(&stack, padded(CAP)).await, 200);
}

#[tokio::test]
async fn a19_a_body_over_what_lambda_takes_is_refused() {
    let stack = Stack::start();
    let before = rows(&stack).await;
    let body = vec![b' '; 6 * 1024 * 1024 + 1];
    assert_eq!(status_of_bytes(&stack, body).await, 413);
    assert_eq!(rows(&stack).await, before);
}

#[tokio::test]
async fn a20_other_methods_are_refused() {
    let stack = Stack::start();
    let before = rows(&stack).await;
    for method in [
        Method::GET,
        Method::HEAD,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ] {
        let request = stack
            .request(method.clone(), "/telegram/demo")
            .header(TELEGRAM_SECRET_HEADER, TELEGRAM_SECRET)
            .json(&text_update(1, 1, "/start"));
        let refused = request.send().await.unwrap();
        assert_eq!(refused.status(), 405, "{method}");
        assert_eq!(refused.headers()["Allow"], "POST", "{method}");
    }
    assert_eq!(rows(&stack).await, before);
}

#[tokio::test]
async fn a20_a_good_secret_is_taken_with_any_content_type() {
    let stack = Stack::start();
    for (id, content_type) in (1..).zip([
        None,
        Some("text/plain"),
        Some("application/octet-stream"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=x"),
    ]) {
        let mut request = stack
            .request(Method::POST, "/telegram/demo")
            .header(TELEGRAM_SECRET_HEADER, TELEGRAM_SECRET)
            .body(text_update(id, id, "/start").to_string());
        if let Some(content_type) = content_type {
            request = request.header("Content-Type", content_type);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{content_type:?}");
        let answer: Value = response.json().await.unwrap();
        let answered = (answer["method"].as_str(), answer["chat_id"].as_i64());
        assert_eq!(
            answered,
            (Some("sendMessage"), Some(id)),
            "{content_type:?}"
        );
    }
    assert_eq!(stack.rows_at("CHAT").await.len(), 5);
}

#[tokio::test]
async fn a22_a_thousand_bad_secrets_cost_no_call_to_the_table() {
    let stack = Stack::start();
    let update = text_update(1, 1, "/start");
    assert_eq!(status(&stack, Some("wrong"), &update).await, 401);
    let before = stack.count("dynamodb", None).await;
    for nth in 0..1_000 {
        let wrong = format!("wrong-{nth}");
        assert_eq!(status(&stack, Some(&wrong), &update).await, 401);
    }
    assert_eq!(stack.count("dynamodb", None).await, before);
    for vendor in ["telegram", "midtrans"] {
        let calls = stack.calls(vendor).await;
        let called = calls.iter().filter(|call| call["op"] != "setWebhook");
        assert_eq!(called.count(), 0, "{vendor}");
    }
}

#[tokio::test]
async fn a_command_in_a_group_is_shown_the_private_chat_and_nothing_is_kept() {
    let stack = Stack::start();
    let before = rows(&stack).await;
    let update = |text: &str, kind: &str, language: &str| {
        let mut update = text_update(1, -1_001_234_567_890_123, text);
        update["message"]["chat"]["type"] = json!(kind);
        update["message"]["from"]["language_code"] = json!(language);
        update
    };
    let answered = |update: Value| {
        let stack = &stack;
        async move {
            let answer = stack.update(Some(TELEGRAM_SECRET), &update).await;
            assert_eq!(answer.status(), 200);
            let text = answer.text().await.unwrap();
            serde_json::from_str::<Value>(&text).unwrap_or(json!(text))
        }
    };
    let link = format!("{}/sandbox/t.me/demo_bot", stack.base_url());
    for (text, kind, language, begins) in [
        (
            "/start",
            "group",
            "id",
            "Saya melayani pesanan di chat pribadi",
        ),
        (
            "/order@Demo_Bot",
            "supergroup",
            "en",
            "I take bookings in a private chat",
        ),
        ("/order@demo_bot i_x", "supergroup", "id", "Saya melayani"),
    ] {
        let answer = answered(update(text, kind, language)).await;
        assert_eq!(answer["method"], "sendMessage");
        assert_eq!(answer["chat_id"], -1_001_234_567_890_123_i64);
        let said = answer["text"].as_str().unwrap();
        assert!(said.starts_with(begins) && said.ends_with(&link), "{said}");
        assert_eq!(answer["reply_markup"], Value::Null);
    }
    let mut contact = update("", "group", "id");
    let message = contact["message"].as_object_mut().unwrap();
    message.remove("text");
    let card = json!({"phone_number": "6281200000048", "first_name": "Budi",
        "user_id": -1_001_234_567_890_123_i64});
    message.insert("contact".to_owned(), card);
    let mut press = press_update(1, -1_001_234_567_890_123, 1, "0:booking");
    press["callback_query"]["message"]["chat"]["type"] = json!("supergroup");
    for ignored in [
        update("halo semua", "group", "id"),
        update("/order@another_bot", "supergroup", "id"),
        contact,
        press,
    ] {
        assert_eq!(answered(ignored).await, "ignored");
    }
    assert_eq!(rows(&stack).await, before);
}

#[tokio::test]
async fn an_unknown_merchant_is_not_found() {
    let stack = Stack::start();
    let before = rows(&stack).await;
    for path in [
        "/telegram/nobody",
        "/telegram/DEMO",
        "/telegram/demo%2f",
        "/telegram/demo/",
        "/telegram/",
        "/telegram/d",
        "/telegram/..%2fdemo",
    ] {
        let request = stack
            .request(Method::POST, path)
            .header(TELEGRAM_SECRET_HEADER, TELEGRAM_SECRET)
            .json(&text_update(1, 1, "/start"));
        assert_eq!(request.send().await.unwrap().status(), 404, "{path}");
    }
    assert_eq!(rows(&stack).await, before);
}

#[tokio::test]
async fn i1_a_malformed_body_is_refused_without_effect() {
    let stack = Stack::start();
    let before = rows(&stack).await;
    let whole = text_update(1, 1, "/start").to_string();
    let with = |field: &str| whole.replacen('{', &format!("{{{field},"), 1);
    let utf16: Vec<u8> = whole.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let deep = format!("\"x\":{}{}", "[".repeat(10_000), "]".repeat(10_000));
    for (what, body) in [
        ("nothing", Vec::new()),
        ("a word", b"hello".to_vec()),
        (
            "a truncated object",
            whole.as_bytes()[..whole.len() - 1].to_vec(),
        ),
        ("a trailing letter", format!("{whole}x").into_bytes()),
        ("two objects", whole.repeat(2).into_bytes()),
        ("a field twice", with("\"update_id\":2").into_bytes()),
        ("depth 10,000", with(&deep).into_bytes()),
        ("NaN", with("\"x\":NaN").into_bytes()),
        ("Infinity", with("\"x\":-Infinity").into_bytes()),
        ("a byte order mark", format!("\u{feff}{whole}").into_bytes()),
        ("UTF-16", utf16),
        ("a lone surrogate", with("\"x\":\"\\ud800\"").into_bytes()),
        ("broken UTF-8", [whole.as_bytes(), b"\xff"].concat()),
        ("a list", format!("[{whole}]").into_bytes()),
        ("null", b"null".to_vec()),
        ("no id", b"{}".to_vec()),
        (
            "a word for an id",
            whole
                .replace("\"update_id\":1", "\"update_id\":\"1\"")
                .into_bytes(),
        ),
        (
            "half an id",
            whole
                .replace("\"update_id\":1", "\"update_id\":1.5")
                .into_bytes(),
        ),
        (
            "an id over 64 bits",
            whole
                .replace("\"update_id\":1", "\"update_id\":1e30")
                .into_bytes(),
        ),
        (
            "a number for a text",
            whole.replace("\"/start\"", "7").into_bytes(),
        ),
    ] {
        assert_eq!(status_of_bytes(&stack, body).await, 400, "{what}");
    }
    assert_eq!(rows(&stack).await, before);
    assert_eq!(status_of_bytes(&stack, whole).await, 200);
}

#[tokio::test]
async fn i7_updates_of_other_kinds_are_ignored() {
    let stack = Stack::start();
    let before = rows(&stack).await;
    let message = text_update(1, 1, "/start")["message"].clone();
    let without = |field: &str| {
        let mut message = message.clone();
        message.as_object_mut().unwrap().remove(field);
        json!({"update_id": 1, "message": message})
    };
    let mut no_data = press_update(1, 1, 1, "0:booking");
    no_data["callback_query"]
        .as_object_mut()
        .unwrap()
        .remove("data");
    let mut no_message = press_update(1, 1, 1, "0:booking");
    no_message["callback_query"]
        .as_object_mut()
        .unwrap()
        .remove("message");
    for update in [
        json!({"update_id": 1}),
        json!({"update_id": 1, "poll": {"id": "1", "question": "?", "options": []}}),
        json!({"update_id": 1, "message_reaction": {"chat": {"id": 1}, "message_id": 1}}),
        json!({"update_id": 1, "business_connection": {"id": "x", "user": {"id": 1}}}),
        json!({"update_id": 1, "my_chat_member": {"chat": {"id": 1}, "from": {"id": 1}}}),
        json!({"update_id": 1, "a_kind_of_next_year": [1, {"x": null}]}),
        json!({"update_id": 1, "edited_message": message}),
        json!({"update_id": 1, "channel_post": message}),
        json!({"update_id": 1, "message": null, "callback_query": null}),
        without("from"),
        without("text"),
        no_data,
        no_message,
    ] {
        let response = stack.update(Some(TELEGRAM_SECRET), &update).await;
        assert_eq!(response.status(), 200, "{update}");
        let text = response.text().await.unwrap();
        assert_eq!(text, "ignored", "{update}");
    }
    assert_eq!(rows(&stack).await, before);
    let calls = stack.calls("telegram").await;
    assert!(
        calls.iter().all(|call| call["op"] == "setWebhook"),
        "{calls:?}"
    );
}

#[tokio::test]
async fn the_answer_is_the_webhooks_own_response_and_the_spinner_ends_beside_it() {
    let stack = Stack::start();
    stack.customer(1).say("/start").await;
    let update = press_update(7, 1, 3, "1:booking");
    let response = stack.update(Some(TELEGRAM_SECRET), &update).await;
    assert_eq!(response.headers()["content-type"], "application/json");
    let answer: Value = response.json().await.unwrap();
    assert_eq!(
        (&answer["method"], &answer["chat_id"]),
        (&json!("sendMessage"), &json!(1))
    );
    let calls = stack.calls("telegram").await;
    let answered: Vec<_> = calls
        .iter()
        .filter(|call| call["op"] != "setWebhook")
        .collect();
    assert_eq!(answered.len(), 1, "{answered:?}");
    assert_eq!(answered[0]["body"]["callback_query_id"], "7");
}

#[tokio::test]
async fn a_spinner_that_does_not_end_holds_up_no_answer() {
    let stack = Stack::start();
    let budi = stack.customer(1);
    for fault in ["timeout_before", "timeout_after", "http_500", "throttle"] {
        let op = "answerCallbackQuery";
        stack
            .fault(json!({"at": "telegram", "fault": fault, "op": op, "times": 1}))
            .await;
        budi.say("/order").await;
        assert_eq!(budi.press_for_status("Booking").await, Some(200), "{fault}");
        let asked = budi.newest().await;
        assert!(
            asked.text.starts_with("Kapan Anda mau datang?"),
            "{fault}: {}",
            asked.text
        );
    }
    assert!(!stack.log().contains("1:demo"), "the token is in the log");
}
