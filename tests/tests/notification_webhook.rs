//! Midtrans' notifications at the wire: who may speak, in which form, what it costs, and what the
//! faults of the network, the table and the vendors come to.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

use data_encoding::BASE64;
use futures_util::future::join_all;
use pesan_tests::payment::{OwnMidtrans, RECEIPT, of_transaction};
use pesan_tests::{Booked, SERVER_KEY, Stack, notification, signature};
use reqwest::{Method, Response};
use serde_json::{Value, json};

const PATH: &str = "/midtrans/demo";
const LIMIT: usize = 256 * 1024;

async fn send(stack: &Stack, content_type: &str, body: impl Into<reqwest::Body>) -> Response {
    let request = stack.request(Method::POST, PATH);
    let request = request.header("Content-Type", content_type).body(body);
    request.send().await.unwrap()
}

async fn send_text(stack: &Stack, body: impl Into<reqwest::Body>) -> (u16, String) {
    let answer = send(stack, "application/json", body).await;
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// A booking that was paid while every notification was lost, and the body of the lost one.
async fn paid_in_silence(stack: &Stack) -> (Booked, Value) {
    let booked = stack.customer(1).book("09.00").await;
    let pay = json!({"do": "pay", "method": "qris", "notify": false});
    stack.bank(&booked.code, pay).await;
    let path = format!("/v2/{}/status", booked.code);
    let body = stack.midtrans(Method::GET, &path, None).await;
    (booked, body)
}

/// A booking whose method was chosen, so that paying sends one notification.
async fn chosen(stack: &Stack) -> Booked {
    let booked = stack.customer(1).book("09.00").await;
    let choose = json!({"do": "choose", "method": "bca_va"});
    let chosen = stack.bank(&booked.code, choose).await;
    assert_eq!(chosen["notified"], json!([200]));
    booked
}

async fn pay(stack: &Stack, booked: &Booked) -> u64 {
    let paid = stack.bank(&booked.code, json!({"do": "pay"})).await;
    paid["notified"][0].as_u64().unwrap()
}

async fn receipts(stack: &Stack) -> usize {
    stack.customer(1).told(RECEIPT).await
}

/// How often DynamoDB and Midtrans' status were called so far.
async fn cost(stack: &Stack) -> (usize, usize) {
    (
        stack.count("dynamodb", None).await,
        stack.count("midtrans", Some("status")).await,
    )
}

#[tokio::test]
async fn a7_a_body_that_arrives_in_base64_is_decoded_once() {
    let stack = Stack::start();
    let (booked, body) = paid_in_silence(&stack).await;
    let body = body.to_string();
    let twice = BASE64.encode(body.as_bytes());
    let answer = send(&stack, "application/octet-stream", twice.clone()).await;
    assert!([400, 401].contains(&answer.status().as_u16()));
    let answer = send(&stack, "application/json", twice).await;
    assert!([400, 401].contains(&answer.status().as_u16()));
    stack.expect_states(&booked, "Created", "Held").await;
    let answer = send(&stack, "application/octet-stream", body).await;
    assert_eq!(answer.status(), 200);
    stack.expect_states(&booked, "Paid", "Confirmed").await;
}

#[tokio::test]
async fn a8_a_signature_that_is_not_exactly_ours_is_refused_before_anything_is_asked() {
    let stack = Stack::start();
    let (booked, body) = paid_in_silence(&stack).await;
    let order = booked.code.as_str();
    let right = body["signature_key"].as_str().unwrap().to_owned();
    let before = cost(&stack).await;
    let mut wrong = vec![
        json!(right[..127]),
        json!(right[..126]),
        json!(right[..1]),
        json!(""),
        json!(format!("{right}0")),
        json!(format!("{right} ")),
        json!(format!("sha512={right}")),
        json!("0".repeat(128)),
        json!("g".repeat(128)),
        json!("ф".repeat(64)),
        json!(right.chars().rev().collect::<String>()),
        json!(signature(order, "200", "70000.00", "")),
        json!(signature(order, "200", "70000.00", "SB-Mid-server-demo2")),
        json!(signature(order, "201", "70000.00", SERVER_KEY)),
        json!(signature(order, "200", "70000", SERVER_KEY)),
        json!(signature("10000000", "200", "70000.00", SERVER_KEY)),
        Value::Null,
        json!(7),
        json!(true),
        json!([right]),
        json!({"signature": right}),
    ];
    let last = if right.ends_with('0') { "1" } else { "0" };
    wrong.push(json!(format!("{}{last}", &right[..127])));
    for signature_key in wrong {
        let mut forged = body.clone();
        forged["signature_key"] = signature_key.clone();
        let answer = stack.notify(&forged).await;
        assert_eq!(answer.status(), 401, "{signature_key}");
    }
    assert_eq!(cost(&stack).await, before);
    stack.expect_states(&booked, "Created", "Held").await;
    let mut body = body;
    body["signature_key"] = json!(right.to_uppercase());
    assert_eq!(stack.notify(&body).await.status(), 200);
    stack.expect_states(&booked, "Paid", "Confirmed").await;
}

#[tokio::test]
async fn a22_a_flood_of_forgeries_costs_no_call_to_the_table() {
    let stack = Stack::start();
    let booked = stack.customer(1).book("09.00").await;
    let mut body = of_transaction(&booked.code, "t-1", "settlement", "200");
    body["signature_key"] = json!("0".repeat(128));
    let before = cost(&stack).await;
    for _ in 0..10 {
        let answers = join_all((0..30).map(|_| stack.notify(&body))).await;
        assert!(answers.iter().all(|answer| answer.status() == 401));
    }
    assert_eq!(cost(&stack).await, before);
    // The secret is read once an environment, and there are at most 16.
    assert!(stack.count("ssm", None).await <= 40);
}

#[tokio::test]
async fn a13_without_its_server_key_nothing_is_taken() {
    let stack = Stack::start();
    let (booked, body) = paid_in_silence(&stack).await;
    let key = "merchants/demo/midtrans-server-key";
    let mut unsigned = body.clone();
    unsigned["signature_key"] = json!(signature(&booked.code, "200", "70000.00", ""));
    let mut blank = body.clone();
    blank["signature_key"] = json!(signature(&booked.code, "200", "70000.00", "  "));
    let mut none = body.clone();
    none.as_object_mut().unwrap().remove("signature_key");
    stack.delete_parameter(key).await;
    for body in [&body, &unsigned, &blank, &none, &json!({})] {
        assert_eq!(stack.notify(body).await.status(), 503);
    }
    for value in ["  ", "\n", "\t "] {
        stack.put_parameter(key, value).await;
        for body in [&body, &unsigned, &blank] {
            assert_eq!(stack.notify(body).await.status(), 503);
        }
    }
    stack.expect_states(&booked, "Created", "Held").await;
    stack.put_parameter(key, SERVER_KEY).await;
    assert_eq!(stack.notify(&body).await.status(), 200);
    stack.expect_states(&booked, "Paid", "Confirmed").await;
}

#[tokio::test]
async fn a13_a_key_that_went_away_is_remembered_for_five_minutes() {
    let stack = Stack::start();
    let booked = chosen(&stack).await;
    stack
        .delete_parameter("merchants/demo/midtrans-server-key")
        .await;
    let body = of_transaction(&booked.code, "t-unknown", "pending", "201");
    stack.advance("4m").await;
    let mut forged = body.clone();
    forged["signature_key"] = json!("0".repeat(128));
    assert_eq!(stack.notify(&forged).await.status(), 401);
    stack.advance("90s").await;
    assert_eq!(stack.notify(&forged).await.status(), 503);
}

#[tokio::test]
async fn a13_while_the_secrets_cannot_be_read_midtrans_is_told_to_come_again() {
    for fault in ["timeout_before", "timeout_after", "http_500", "throttle"] {
        let stack = Stack::start();
        let (booked, body) = paid_in_silence(&stack).await;
        stack
            .fault(json!({"at": "ssm", "fault": fault, "times": 100}))
            .await;
        assert_eq!(stack.notify(&body).await.status(), 503, "{fault}");
        stack.expect_states(&booked, "Created", "Held").await;
        stack.end_faults().await;
        assert_eq!(stack.notify(&body).await.status(), 200, "{fault}");
        stack.expect_states(&booked, "Paid", "Confirmed").await;
    }
}

#[tokio::test]
async fn a14_a_status_edited_under_a_genuine_signature_changes_nothing_and_alarms() {
    for (deeds, state, repair) in [
        (vec![json!({"do": "choose"})], "Created", "Held"),
        (
            vec![
                json!({"do": "choose", "notify": false}),
                json!({"do": "cancel"}),
            ],
            "Created",
            "Held",
        ),
        (
            vec![
                json!({"do": "choose", "notify": false}),
                json!({"do": "expire"}),
            ],
            "Created",
            "Held",
        ),
        (
            vec![json!({"do": "deny", "method": "credit_card"})],
            "Created",
            "Held",
        ),
        (
            vec![
                json!({"do": "pay", "method": "gopay", "notify": false}),
                json!({"do": "refund"}),
            ],
            "Created",
            "Held",
        ),
    ] {
        let stack = Stack::start();
        let booked = stack.customer(1).book("09.00").await;
        let (last, before) = deeds.split_last().unwrap();
        for deed in before {
            stack.bank(&booked.code, deed.clone()).await;
        }
        let books = stack.books().await;
        let mut edited = last.clone();
        edited["raw"] = json!({"transaction_status": "settlement", "fraud_status": "accept"});
        let answer = stack.bank(&booked.code, edited).await;
        assert_eq!(answer["notified"], json!([200]), "{last}");
        assert_eq!(stack.books().await, books, "{last}");
        stack.expect_states(&booked, state, repair).await;
        assert_eq!(receipts(&stack).await, 0, "{last}");
        assert_eq!(stack.alarms().await, ["status differs"], "{last}");
    }
}

#[tokio::test]
async fn a14_an_edited_status_takes_no_money_back_either() {
    let stack = Stack::start();
    let (booked, body) = paid_in_silence(&stack).await;
    assert_eq!(stack.notify(&body).await.status(), 200);
    let books = stack.books().await;
    for status in [
        "deny",
        "refund",
        "partial_refund",
        "chargeback",
        "cancel",
        "expire",
    ] {
        let mut edited = body.clone();
        edited["transaction_status"] = json!(status);
        assert_eq!(stack.notify(&edited).await.status(), 200);
        assert_eq!(stack.books().await, books, "{status}");
    }
    stack.expect_states(&booked, "Paid", "Confirmed").await;
    assert_eq!(stack.alarms().await, ["status differs"; 6]);
}

#[tokio::test]
async fn a16_an_amount_is_the_string_that_was_signed() {
    let stack = Stack::start();
    let (booked, body) = paid_in_silence(&stack).await;
    let before = cost(&stack).await;
    let text = body.to_string();
    let quoted = "\"gross_amount\":\"70000.00\"";
    assert!(text.contains(quoted), "{text}");
    for number in ["70000", "70000.00", "7e4", "7E+4", "null", "[\"70000.00\"]"] {
        let bent = text.replace(quoted, &format!("\"gross_amount\":{number}"));
        let (status, answer) = send_text(&stack, bent).await;
        assert_eq!(status, 400, "{number}");
        assert!(answer.contains("gross_amount"), "{number}: {answer}");
    }
    let mut reformatted = body.clone();
    reformatted["gross_amount"] = json!("70000");
    assert_eq!(stack.notify(&reformatted).await.status(), 401);
    assert_eq!(cost(&stack).await, before);
    stack.expect_states(&booked, "Created", "Held").await;
    // An old shape, signed as it stands.
    reformatted["signature_key"] = json!(signature(&booked.code, "200", "70000", SERVER_KEY));
    assert_eq!(stack.notify(&reformatted).await.status(), 200);
    stack.expect_states(&booked, "Paid", "Confirmed").await;
}

#[tokio::test]
async fn i2_only_a_canonical_positive_amount_is_one() {
    let stack = Stack::start();
    let (booked, body) = paid_in_silence(&stack).await;
    let before = cost(&stack).await;
    for amount in [
        "",
        "-1",
        "0",
        "0.00",
        "-70000.00",
        "1.5",
        "70,000",
        "70.000",
        " 70000",
        "70000 ",
        "٧٠٠٠٠",
        "1e400",
        "7e4",
        "070000",
        "70000.0",
        "70000.000",
        "70000.01",
        "+70000",
        ".00",
        "18446744073709551616",
        "NaN",
        "Infinity",
        "0x11170",
    ] {
        let mut bent = body.clone();
        bent["gross_amount"] = json!(amount);
        bent["signature_key"] = json!(signature(&booked.code, "200", amount, SERVER_KEY));
        let answer = stack.notify(&bent).await;
        assert_eq!(answer.status(), 400, "{amount}");
        assert!(
            answer.text().await.unwrap().contains("gross_amount"),
            "{amount}"
        );
    }
    assert_eq!(cost(&stack).await, before);
    stack.expect_states(&booked, "Created", "Held").await;
}

#[tokio::test]
async fn a17_another_account_is_not_ours() {
    let stack = Stack::start();
    let (booked, body) = paid_in_silence(&stack).await;
    let books = stack.books().await;
    for merchant in ["G000000002", "G00000000", "g000000001", ""] {
        let mut foreign = body.clone();
        foreign["merchant_id"] = json!(merchant);
        assert_eq!(stack.notify(&foreign).await.status(), 401, "{merchant}");
    }
    let other_key = format!("{SERVER_KEY}2");
    let mut others = body.clone();
    others["signature_key"] = json!(signature(&booked.code, "200", "70000.00", &other_key));
    assert_eq!(stack.notify(&others).await.status(), 401);
    others["merchant_id"] = json!("G000000002");
    assert_eq!(stack.notify(&others).await.status(), 401);
    // At the other merchant's door, with either key.
    let at_others = async |body: &Value| stack.post("/midtrans/demo2", body).await.status();
    assert_eq!(at_others(&body).await, 401);
    assert_eq!(at_others(&others).await, 404, "demo2 has no such order");
    others["merchant_id"] = body["merchant_id"].clone();
    assert_eq!(at_others(&others).await, 401);
    assert_eq!(stack.books().await, books);
    stack.expect_states(&booked, "Created", "Held").await;
}

#[tokio::test]
async fn a_merchant_that_is_not_there_is_404() {
    let stack = Stack::start();
    let (_, body) = paid_in_silence(&stack).await;
    for path in [
        "/midtrans/nobody",
        "/midtrans/",
        "/midtrans/demo/",
        "/midtrans/demo/demo",
        "/midtrans/DEMO",
        "/midtrans/..%2Fdemo",
        "/midtrans/%00",
    ] {
        // B25: never a redirect, which Midtrans does not follow and does not repeat.
        assert_eq!(stack.post(path, &body).await.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn a19_a_body_over_the_cap_is_not_read() {
    let stack = Stack::start();
    let (booked, body) = paid_in_silence(&stack).await;
    let before = cost(&stack).await;
    let body = body.to_string();
    let padded = |size: usize| format!("{body}{}", " ".repeat(size - body.len()));
    for size in [LIMIT + 1, 2 * LIMIT, 5_900_000, 7_000_000] {
        assert_eq!(send_text(&stack, padded(size)).await.0, 413, "{size}");
        let answer = send(&stack, "application/octet-stream", "{".repeat(size)).await;
        assert!(answer.status() == 413, "{size}");
        // Beyond what a function URL takes nobody reads on, and the connection ends.
        let ends = answer.headers().contains_key("connection");
        assert_eq!(ends, size > 6 * 1024 * 1024, "{size}");
    }
    assert_eq!(cost(&stack).await, before);
    stack.expect_states(&booked, "Created", "Held").await;
    assert_eq!(send_text(&stack, padded(LIMIT)).await.0, 200);
    stack.expect_states(&booked, "Paid", "Confirmed").await;
}

#[tokio::test]
async fn a19_a_packed_body_is_not_unpacked() {
    let stack = Stack::start();
    // An empty gzip member, and one that claims more.
    let gzip: &[u8] = &[
        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    let request = stack.request(Method::POST, PATH);
    let request = request.header("Content-Encoding", "gzip").body(gzip);
    assert_eq!(request.send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn a20_only_post_is_answered_and_any_content_type() {
    let stack = Stack::start();
    let (booked, body) = paid_in_silence(&stack).await;
    for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = stack.request(method.clone(), PATH).json(&body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 405, "{method}");
        assert_eq!(answer.headers()["Allow"], "POST", "{method}");
    }
    stack.expect_states(&booked, "Created", "Held").await;
    let answer = send(&stack, "text/plain; charset=utf-8", body.to_string()).await;
    assert_eq!(answer.status(), 200);
    stack.expect_states(&booked, "Paid", "Confirmed").await;
}

#[tokio::test]
async fn b11_an_unknown_order_is_404_and_makes_nothing() {
    let stack = Stack::start();
    let booked = stack.customer(1).book("09.00").await;
    let before = stack.rows().await;
    let asked = stack.count("midtrans", None).await;
    let second = format!("{}-A2", booked.code);
    for order in ["10000001", "INV-2026-0001", second.as_str(), "~", "T-1"] {
        let body = of_transaction(order, "t-1", "settlement", "200");
        assert_eq!(stack.notify(&body).await.status(), 404, "{order}");
    }
    assert_eq!(stack.rows().await, before);
    assert_eq!(stack.count("midtrans", None).await, asked);
}

#[tokio::test]
async fn b22_a_malformed_order_id_is_400_and_nobody_is_asked() {
    let stack = Stack::start();
    let before = cost(&stack).await;
    let long = "9".repeat(51);
    for order in [
        "",
        "a#b",
        "a/b",
        "../x",
        "../../v1/x",
        "%2e%2e",
        "%2F",
        "a b",
        " 62473383",
        "a?b",
        "a&b",
        "a\\b",
        "a\0b",
        "a\nb",
        "é",
        "６２４７３３８３",
        "a:b",
        "a;b",
        "a@b",
        &long,
    ] {
        let body = of_transaction(order, "t-1", "settlement", "200");
        let answer = stack.notify(&body).await;
        assert_eq!(answer.status(), 400, "{order:?}");
        assert!(
            answer.text().await.unwrap().contains("order_id"),
            "{order:?}"
        );
    }
    assert_eq!(cost(&stack).await, before);
}

#[tokio::test]
async fn b22_a_transaction_id_cannot_leave_its_path() {
    let stack = Stack::start();
    let booked = stack.customer(1).book("09.00").await;
    let asked = stack.count("midtrans", None).await;
    for transaction in [
        "",
        "a/b",
        "../x",
        "a#b",
        "a?b",
        "%2e",
        "a b",
        &"t".repeat(65),
    ] {
        let body = of_transaction(&booked.code, transaction, "settlement", "200");
        let answer = stack.notify(&body).await;
        assert_eq!(answer.status(), 400, "{transaction:?}");
        let text = answer.text().await.unwrap();
        assert!(text.contains("transaction_id"), "{transaction:?}: {text}");
    }
    assert_eq!(stack.count("midtrans", None).await, asked);
    // Dots are letters of an id, and lead nowhere else.
    let body = of_transaction(&booked.code, "..", "settlement", "200");
    assert!([400, 503].contains(&stack.notify(&body).await.status().as_u16()));
    stack.expect_states(&booked, "Created", "Held").await;
}

#[tokio::test]
async fn a_field_that_is_missing_or_no_text_is_named() {
    let stack = Stack::start();
    let (booked, body) = paid_in_silence(&stack).await;
    let before = cost(&stack).await;
    for field in [
        "order_id",
        "status_code",
        "gross_amount",
        "transaction_id",
        "transaction_status",
        "merchant_id",
    ] {
        let mut bent = body.clone();
        bent.as_object_mut().unwrap().remove(field);
        let mut all = vec![bent];
        for value in [Value::Null, json!(200), json!(true), json!([]), json!({})] {
            let mut bent = body.clone();
            bent[field] = value;
            all.push(bent);
        }
        for bent in all {
            let answer = stack.notify(&bent).await;
            assert_eq!(answer.status(), 400, "{field}: {}", bent[field]);
            let text = answer.text().await.unwrap();
            assert!(text.contains(field), "{field}: {text}");
        }
    }
    let mut unsigned = body.clone();
    unsigned.as_object_mut().unwrap().remove("signature_key");
    assert_eq!(stack.notify(&unsigned).await.status(), 401);
    assert_eq!(cost(&stack).await, before);
    stack.expect_states(&booked, "Created", "Held").await;
}

#[tokio::test]
async fn a_status_code_is_three_digits() {
    let stack = Stack::start();
    let booked = stack.customer(1).book("09.00").await;
    for code in ["", "20", "2000", "2OO", " 200", "-20", "２００"] {
        let body = of_transaction(&booked.code, "t-1", "settlement", code);
        let answer = stack.notify(&body).await;
        assert_eq!(answer.status(), 400, "{code:?}");
        assert!(
            answer.text().await.unwrap().contains("status_code"),
            "{code:?}"
        );
    }
}

#[tokio::test]
async fn i1_what_is_not_readable_json_is_400_and_hurts_nobody() {
    let stack = Stack::start();
    let (booked, body) = paid_in_silence(&stack).await;
    let body = body.to_string();
    let rest = body.strip_prefix('{').unwrap();
    let order = format!("\"order_id\":\"{}\"", booked.code);
    let wide =
        |units: Vec<u16>| -> Vec<u8> { units.into_iter().flat_map(u16::to_le_bytes).collect() };
    let mut bad: Vec<Vec<u8>> = [
        String::new(),
        "{".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
        "\"settlement\"".to_owned(),
        body[..body.len() - 1].to_owned(),
        format!("{body}{body}"),
        format!("{body}x"),
        format!("\u{feff}{body}"),
        format!("{{{order},{rest}"),
        format!("{{\"gross_amount\":\"1.00\",{rest}"),
        format!("{{\"signature_key\":\"\",{rest}"),
        format!("{{\"transaction_status\":\"pending\",{rest}"),
        format!("{{\"x\":NaN,{rest}"),
        format!("{{\"x\":-Infinity,{rest}"),
        format!("{{\"x\":'1',{rest}"),
        format!("{{\"x\":\"\\ud800\",{rest}"),
        format!(
            "{{\"x\":{}{},{rest}",
            "[".repeat(10_000),
            "]".repeat(10_000)
        ),
        format!("{}{}", "{\"x\":".repeat(10_000), "}".repeat(10_000)),
        "order_id=1&gross_amount=70000.00".to_owned(),
    ]
    .into_iter()
    .map(String::into_bytes)
    .collect();
    bad.push(wide(body.encode_utf16().collect()));
    bad.push([b"{\"x\":\"\xff\",", rest.as_bytes()].concat());
    let before = cost(&stack).await;
    for bytes in bad {
        for content_type in ["application/json", "application/octet-stream"] {
            let answer = send(&stack, content_type, bytes.clone()).await;
            let text = String::from_utf8_lossy(&bytes);
            // Without a readable signature it may as well be called unsigned.
            let status = answer.status().as_u16();
            assert_eq!(status, 400, "{text:.80}");
        }
    }
    assert_eq!(cost(&stack).await, before);
    stack.expect_states(&booked, "Created", "Held").await;
    assert_eq!(send_text(&stack, body).await.0, 200);
    stack.expect_states(&booked, "Paid", "Confirmed").await;
}

#[tokio::test]
async fn fields_that_came_later_are_ignored() {
    let stack = Stack::start();
    let (booked, mut body) = paid_in_silence(&stack).await;
    body["payment_option_type"] = json!("GOPAY_WALLET");
    body["new"] = json!([{"a": 1.5}, null, {"deep": {"er": []}}]);
    body["fraud_status"] = json!(null);
    assert_eq!(stack.notify(&body).await.status(), 200);
    stack.expect_states(&booked, "Paid", "Confirmed").await;
}

#[tokio::test]
async fn a_status_that_did_not_exist_is_taken_and_moves_nothing() {
    let (midtrans, stack) = OwnMidtrans::start_with_stack();
    let booked = stack.customer(1).book("09.00").await;
    let books = stack.books().await;
    for status in [
        "hold",
        "",
        "SETTLED",
        "settlement ",
        &"s".repeat(5_000),
        "结算",
    ] {
        let body = of_transaction(&booked.code, "t-1", status, "200");
        // Whether Midtrans says the same when asked, or something we know.
        let mut known = body.clone();
        known["transaction_status"] = json!("pending");
        midtrans.says(&known);
        assert_eq!(stack.notify(&body).await.status(), 200, "{status:.20}");
        assert_eq!(stack.books().await, books, "{status:.20}");
        if !status.is_empty() {
            assert_eq!(midtrans.tells(&stack, &body).await, 200, "{status:.20}");
            assert_eq!(stack.books().await, books, "{status:.20}");
        }
    }
}

#[tokio::test]
async fn b13_while_the_status_is_not_told_nothing_changes_and_midtrans_comes_again() {
    for fault in [
        "timeout_before",
        "timeout_after",
        "http_500",
        "503",
        "404",
        "throttle",
        "401",
    ] {
        let stack = Stack::start();
        let booked = chosen(&stack).await;
        let before = stack.rows().await;
        stack
            .fault(json!({"at": "midtrans", "op": "status", "fault": fault}))
            .await;
        assert_eq!(pay(&stack, &booked).await, 503, "{fault}");
        assert_eq!(stack.rows().await, before, "{fault}");
        stack.expect_states(&booked, "Pending", "Held").await;
        assert_eq!(receipts(&stack).await, 0, "{fault}");
        stack.advance("3m").await;
        stack.expect_states(&booked, "Paid", "Confirmed").await;
        assert_eq!(receipts(&stack).await, 1, "{fault}");
    }
}

#[tokio::test]
async fn b13_a_transaction_that_midtrans_does_not_know_is_503() {
    let stack = Stack::start();
    let booked = stack.customer(1).book("09.00").await;
    let before = stack.rows().await;
    let body = of_transaction(&booked.code, "t-unknown", "settlement", "200");
    assert_eq!(stack.notify(&body).await.status(), 503);
    assert_eq!(stack.rows().await, before);
}

#[tokio::test]
async fn b13_an_answer_that_is_no_status_is_503() {
    let (midtrans, stack) = OwnMidtrans::start_with_stack();
    let booked = stack.customer(1).book("09.00").await;
    let before = stack.rows().await;
    let body = of_transaction(&booked.code, "t-1", "settlement", "200");
    for answer in [
        json!({"transaction_id": "t-1"}),
        json!({"transaction_id": "t-1", "status_code": "200", "order_id": booked.code}),
        json!({"transaction_id": "t-1", "status_code": 200, "transaction_status": "settlement"}),
        json!({"transaction_id": "t-1", "status_code": "401"}),
        json!({"transaction_id": "t-1", "status_code": "500"}),
    ] {
        midtrans.says(&answer);
        assert_eq!(stack.notify(&body).await.status(), 503, "{answer}");
        assert_eq!(stack.rows().await, before, "{answer}");
    }
    assert_eq!(midtrans.tells(&stack, &body).await, 200);
    stack.expect_states(&booked, "Paid", "Confirmed").await;
}

/// The stand-in's table of retries, and the clock that stops at each on its way.
#[tokio::test]
async fn b13_midtrans_comes_again_four_times_after_a_503() {
    let stack = Stack::start();
    let booked = chosen(&stack).await;
    stack
        .fault(json!({"at": "midtrans", "op": "status", "fault": "http_500", "times": 100}))
        .await;
    // A notification asks about its transaction; who has not heard of one asks about the order.
    let of_transaction = format!("/{}/status", stack.transaction_id(&booked.code).await);
    let asked = async || {
        let calls = stack.calls("midtrans").await;
        let about = |call: &&Value| call["path"].as_str().unwrap().ends_with(&of_transaction);
        calls.iter().filter(about).count()
    };
    let before = asked().await;
    assert_eq!(pay(&stack, &booked).await, 503);
    stack.advance("7h").await;
    assert_eq!(asked().await - before, 5);
    stack.expect_states(&booked, "Pending", "Expired").await;
}

#[tokio::test]
async fn b14_a_throttled_table_is_503_and_the_retry_applies_it() {
    for fault in ["throttle", "http_500", "timeout_before"] {
        let stack = Stack::start();
        let booked = chosen(&stack).await;
        let before = stack.rows().await;
        stack
            .fault(
                json!({"at": "dynamodb", "op": "TransactWriteItems", "fault": fault, "times": 100}),
            )
            .await;
        let writes = stack.count("dynamodb", Some("TransactWriteItems")).await;
        assert_eq!(pay(&stack, &booked).await, 503, "{fault}");
        let tried = stack.count("dynamodb", Some("TransactWriteItems")).await - writes;
        assert!(tried <= 3, "{fault}: {tried} times");
        stack.end_faults().await;
        assert_eq!(stack.rows().await, before, "{fault}");
        assert_eq!(receipts(&stack).await, 0, "{fault}");
        stack.advance("3m").await;
        stack.expect_states(&booked, "Paid", "Confirmed").await;
        assert_eq!(receipts(&stack).await, 1, "{fault}");
    }
}

#[tokio::test]
async fn b14_a_throttled_read_is_503_and_the_retry_applies_it() {
    let stack = Stack::start();
    let booked = chosen(&stack).await;
    stack
        .fault(json!({"at": "dynamodb", "op": "BatchGetItem", "fault": "throttle", "times": 100}))
        .await;
    assert_eq!(pay(&stack, &booked).await, 503);
    stack.end_faults().await;
    stack.expect_states(&booked, "Pending", "Held").await;
    stack.advance("3m").await;
    stack.expect_states(&booked, "Paid", "Confirmed").await;
    assert_eq!(receipts(&stack).await, 1);
}

#[tokio::test]
async fn b14_what_was_not_kept_for_the_record_is_503_too() {
    let stack = Stack::start();
    let (booked, body) = paid_in_silence(&stack).await;
    assert_eq!(stack.notify(&body).await.status(), 200);
    let mut again = body.clone();
    again["custom_field1"] = json!("again");
    stack
        .fault(json!({"at": "dynamodb", "op": "PutItem", "fault": "throttle", "times": 100}))
        .await;
    assert_eq!(stack.notify(&again).await.status(), 503);
    stack.end_faults().await;
    assert_eq!(stack.notify(&again).await.status(), 200);
    stack.expect_states(&booked, "Paid", "Confirmed").await;
    assert_eq!(receipts(&stack).await, 1);
}

/// Whatever befalls one call to the table, the money is counted once and the customer is told at
/// most once; not at all only where the function died after its commit.
#[tokio::test]
async fn j1_one_fault_at_each_call_to_the_table_leaves_the_right_state() {
    for op in ["BatchGetItem", "TransactWriteItems"] {
        for fault in [
            "timeout_before",
            "timeout_after",
            "http_500",
            "throttle",
            "conflict",
            "kill_before",
            "kill_after",
        ] {
            let stack = Stack::start();
            let booked = chosen(&stack).await;
            let version = stack.payment_number(&booked.code, "version").await.unwrap();
            stack
                .fault(json!({"at": "dynamodb", "op": op, "fault": fault}))
                .await;
            pay(&stack, &booked).await;
            stack.advance("3m").await;
            stack.expect_states(&booked, "Paid", "Confirmed").await;
            let after = stack.payment_number(&booked.code, "version").await;
            assert_eq!(after, Some(version + 1), "{op} {fault}");
            let died_after_its_commit = (op, fault) == ("TransactWriteItems", "kill_after");
            let told = receipts(&stack).await;
            assert!(
                told == 1 || died_after_its_commit && told == 0,
                "{op} {fault}: {told}"
            );
        }
    }
}

#[tokio::test]
async fn b2_a_commit_whose_answer_was_lost_is_not_made_twice() {
    let stack = Stack::start();
    let booked = chosen(&stack).await;
    stack
        .fault(json!({"at": "dynamodb", "op": "TransactWriteItems", "fault": "timeout_after"}))
        .await;
    assert_eq!(pay(&stack, &booked).await, 200);
    stack.expect_states(&booked, "Paid", "Confirmed").await;
    assert_eq!(receipts(&stack).await, 1);
}

#[tokio::test]
async fn b16_a_function_that_died_after_its_commit_settles_once() {
    let stack = Stack::start();
    let booked = chosen(&stack).await;
    stack
        .fault(json!({"at": "dynamodb", "op": "TransactWriteItems", "fault": "kill_after"}))
        .await;
    assert_eq!(pay(&stack, &booked).await, 502);
    stack.expect_states(&booked, "Paid", "Confirmed").await;
    let books = stack.books().await;
    stack.advance("7h").await;
    assert_eq!(stack.books().await, books);
    assert_eq!(receipts(&stack).await, 1);
}

#[tokio::test]
async fn b16_a_sender_that_died_around_the_receipt_loses_none_and_doubles_at_most_one() {
    for (fault, told) in [
        ("kill_before", 1),
        ("timeout_before", 1),
        ("kill_after", 2),
        ("timeout_after", 2),
    ] {
        let stack = Stack::start();
        let booked = chosen(&stack).await;
        stack
            .fault(json!({"at": "telegram", "op": "sendMessage", "fault": fault}))
            .await;
        pay(&stack, &booked).await;
        stack.advance("7h").await;
        stack.expect_states(&booked, "Paid", "Confirmed").await;
        assert_eq!(receipts(&stack).await, told, "{fault}");
    }
}

#[tokio::test]
async fn a_chat_that_cannot_be_reached_costs_no_payment() {
    for fault in ["timeout_before", "http_500", "throttle", "403"] {
        let stack = Stack::start();
        let booked = chosen(&stack).await;
        stack
            .fault(json!({"at": "telegram", "op": "sendMessage", "fault": fault, "times": 9}))
            .await;
        assert_eq!(pay(&stack, &booked).await, 200, "{fault}");
        stack.expect_states(&booked, "Paid", "Confirmed").await;
        assert_eq!(stack.alarms().await, [""; 0], "{fault}");
    }
}

#[tokio::test]
async fn c8_a_conflict_is_decided_anew_and_a_lasting_one_gives_up() {
    let stack = Stack::start();
    let booked = chosen(&stack).await;
    let conflict = |times: u64| json!({"at": "dynamodb", "op": "TransactWriteItems", "fault": "conflict", "times": times});
    stack.fault(conflict(1_000)).await;
    let before = cost(&stack).await;
    assert_eq!(pay(&stack, &booked).await, 503);
    let after = cost(&stack).await;
    assert!(after.0 - before.0 <= 10, "{before:?} {after:?}");
    stack.end_faults().await;
    stack.expect_states(&booked, "Pending", "Held").await;
    stack.fault(conflict(2)).await;
    stack.advance("3m").await;
    stack.expect_states(&booked, "Paid", "Confirmed").await;
    assert_eq!(receipts(&stack).await, 1);
}

#[tokio::test]
async fn c10_a_refusal_that_only_a_bug_can_cause_is_503_and_not_tried_at_once() {
    let stack = Stack::start();
    let booked = chosen(&stack).await;
    stack
        .fault(json!({"at": "dynamodb", "op": "TransactWriteItems", "fault": "400", "times": 100}))
        .await;
    let writes = stack.count("dynamodb", Some("TransactWriteItems")).await;
    assert_eq!(pay(&stack, &booked).await, 503);
    let after = stack.count("dynamodb", Some("TransactWriteItems")).await;
    assert_eq!(after - writes, 1);
    stack.end_faults().await;
    stack.advance("3m").await;
    stack.expect_states(&booked, "Paid", "Confirmed").await;
}

#[tokio::test]
async fn a_notification_costs_two_calls_to_the_table_and_one_status() {
    let stack = Stack::start();
    let customer = stack.customer(1);
    // The first is cold: a new environment with nothing in memory.
    for (nth, slot) in ["09.00", "12.00"].into_iter().enumerate() {
        let booked = customer.book(slot).await;
        let at = async |act: Value, most: (usize, usize), secrets: usize| {
            let (before, read) = (cost(&stack).await, stack.count("ssm", None).await);
            stack.bank(&booked.code, act.clone()).await;
            let after = cost(&stack).await;
            let spent = (after.0 - before.0, after.1 - before.1);
            assert!(spent.0 <= most.0 && spent.1 <= most.1, "{act}: {spent:?}");
            let read = stack.count("ssm", None).await - read;
            assert!(read <= secrets, "{act}: {read} secrets");
            spent
        };
        let card = json!({"do": "pay", "method": "credit_card"});
        let secrets = if nth == 0 { 3 } else { 0 };
        // Two are its own, six its receipt's: one of the relay and five of the sender.
        assert_eq!(at(card, (8, 1), secrets).await, (8, 1));
        at(json!({"do": "settle"}), (2, 1), 0).await;
        at(json!({"do": "refund", "refund_amount": 10_000}), (2, 1), 0).await;
        // The same again is known by the first read.
        let double = json!({"do": "refund", "refund_amount": 10_000, "times": 2});
        at(double, (3, 1), 0).await;
    }
}

#[tokio::test]
async fn a_notification_that_is_refused_costs_less() {
    let stack = Stack::start();
    let (_, body) = paid_in_silence(&stack).await;
    let before = cost(&stack).await;
    let unknown = notification("10000001", "t-1", "settlement", "200", "70000.00");
    assert_eq!(stack.notify(&unknown).await.status(), 404);
    let mut foreign = body.clone();
    foreign["merchant_id"] = json!("G000000002");
    assert_eq!(stack.notify(&foreign).await.status(), 401);
    let after = cost(&stack).await;
    assert_eq!((after.0 - before.0, after.1 - before.1), (2, 0));
}

#[tokio::test]
async fn h11_the_log_says_nothing_that_is_secret_or_personal() {
    let stack = Stack::start();
    let booked = chosen(&stack).await;
    for fault in ["timeout_before", "404"] {
        stack
            .fault(json!({"at": "midtrans", "op": "status", "fault": fault}))
            .await;
    }
    stack
        .fault(json!({"at": "telegram", "op": "sendMessage", "fault": "timeout_before"}))
        .await;
    assert_eq!(pay(&stack, &booked).await, 503);
    stack.advance("3m").await;
    stack.advance("11m").await;
    stack.expect_states(&booked, "Paid", "Confirmed").await;
    let body = of_transaction(&booked.code, "t-1", "settlement", "200");
    let mut forged = body.clone();
    forged["signature_key"] = json!("0".repeat(128));
    stack.notify(&forged).await;
    send_text(&stack, "{\"order_id\":\"secret-looking\"").await;
    stack
        .delete_parameter("merchants/demo/midtrans-server-key")
        .await;
    stack.advance("6m").await;
    assert_eq!(stack.notify(&body).await.status(), 503);
    assert_eq!(stack.alarms().await, ["secret missing"]);
    let log = stack.log();
    let token = booked.link.rsplit('/').next().unwrap();
    let path = format!("/v2/{}/status", booked.code);
    let signed = stack.midtrans(Method::GET, &path, None).await;
    let genuine = signed["signature_key"].as_str().unwrap();
    for secret in [
        SERVER_KEY,
        "1:demo",
        "Basic ",
        "demo-telegram-secret",
        "Budi",
        "secret-looking",
        token,
        genuine,
        &"0".repeat(128),
    ] {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
}
