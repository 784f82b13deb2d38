use serde_json::{Value, json};

use super::notify;
use crate::testing::Rig;

const ROOT: &str = "/sandbox/midtrans";

fn order(id: &str) -> Value {
    json!({
        "transaction_details": {"order_id": id, "gross_amount": 70_000},
        "item_details": [{"id": "a", "price": 70_000, "quantity": 1, "name": "Slot <b>"}],
        "expiry": {"unit": "minute", "duration": 60},
        "callbacks": {"finish": "https://x.id/o/1"},
    })
}

async fn made(id: &str) -> (Rig, String) {
    let rig = Rig::new().await;
    let (status, answer) = rig
        .post(&format!("{ROOT}/snap/v1/transactions"), order(id))
        .await;
    assert_eq!(status, 201);
    let token = answer["token"].as_str().unwrap().to_owned();
    let url = format!("http://127.0.0.1:8787{ROOT}/snap/v4/redirection/{token}");
    assert_eq!(answer["redirect_url"], url);
    (rig, token)
}

async fn act(rig: &Rig, id: &str, body: Value) -> (u16, Value) {
    rig.post(&format!("{ROOT}/transactions/{id}"), body).await
}

async fn status(rig: &Rig, id: &str) -> Value {
    rig.get(&format!("{ROOT}/v2/{id}/status")).await.1
}

#[test]
fn signatures_are_the_references() {
    let key = "SB-Mid-server-TESTKEY-0000";
    for (code, begin) in [
        ("200", "ef0458db0a42d51aee5e16d18dcc7e6f"),
        ("201", "32593550a9a5265fcf96c725d20a9533"),
        ("202", "1fbc68035a98fed52ee50fceceeb8b4c"),
    ] {
        let signature = notify::sign("INV-2026-0001", code, "150000.00", key);
        assert!(signature.starts_with(begin) && signature.len() == 128);
    }
}

#[tokio::test]
async fn snap_refuses_in_the_vendors_words() {
    let (rig, _) = made("A-1").await;
    let path = format!("{ROOT}/snap/v1/transactions");
    for (pointer, value, words) in [
        (
            "/transaction_details/order_id",
            json!(""),
            "order_id is required",
        ),
        (
            "/transaction_details/order_id",
            json!("a/b"),
            "illegal characters",
        ),
        (
            "/transaction_details/order_id",
            json!("x".repeat(51)),
            "too long",
        ),
        (
            "/item_details/0/price",
            json!(69_999),
            "is not equal to the sum of item_details",
        ),
        (
            "/item_details/0/name",
            json!("x".repeat(51)),
            "name is too long",
        ),
        ("/item_details/0/quantity", json!(0), "quantity"),
    ] {
        let mut body = order("A-2");
        *body.pointer_mut(pointer).unwrap() = value;
        let (status, answer) = rig.post(&path, body).await;
        let said = answer["error_messages"][0].as_str().unwrap();
        assert!(status == 400 && said.contains(words), "{said}");
    }
    let without_colon = data_encoding::BASE64.encode(b"SB-Mid-server-demo");
    let request = axum::http::Request::post(&path)
        .header("authorization", format!("Basic {without_colon}"))
        .body(axum::body::Body::from(order("A-3").to_string()));
    assert_eq!(rig.raw(request.unwrap()).await.0, 401);
    assert_eq!(
        rig.post(&path, order("A-1")).await.0,
        201,
        "asked again while unpaid"
    );
    act(&rig, "A-1", json!({"do": "pay"})).await;
    let (status, answer) = rig.post(&path, order("A-1")).await;
    assert!(
        status == 400
            && answer["error_messages"][0]
                .as_str()
                .unwrap()
                .contains("paid and utilized")
    );
}

#[tokio::test]
async fn a_status_goes_from_404_to_201_to_200() {
    let (rig, _) = made("A~1.x").await;
    assert_eq!(status(&rig, "A~1.x").await["status_code"], "404");
    act(&rig, "A~1.x", json!({"do": "choose", "method": "bca_va"})).await;
    let pending = status(&rig, "A%7E1.x").await;
    assert_eq!(
        (&pending["status_code"], &pending["gross_amount"]),
        (&json!("201"), &json!("70000.00"))
    );
    let paid = act(&rig, "A~1.x", json!({"do": "pay"})).await;
    assert_eq!(
        paid,
        (
            200,
            json!({"ok": true, "status": "settlement", "notified": [200]})
        )
    );
    let settled = status(&rig, pending["transaction_id"].as_str().unwrap()).await;
    assert_eq!(
        (&settled["status_code"], &settled["fraud_status"]),
        (&json!("200"), &json!("accept"))
    );
    assert_eq!(settled["settlement_time"].as_str().unwrap().len(), 19);
    let told = rig.hook.bodies();
    let states: Vec<&Value> = told
        .iter()
        .map(|body| &body["transaction_status"])
        .collect();
    assert_eq!(states, ["pending", "settlement"]);
    assert_eq!(
        told[1]["signature_key"],
        notify::sign("A~1.x", "200", "70000.00", "SB-Mid-server-demo")
    );
    assert_eq!(act(&rig, "A~1.x", json!({"do": "pay"})).await.0, 409);
    assert_eq!(
        rig.post(&format!("{ROOT}/v2/A~1.x/cancel"), json!({}))
            .await
            .1["status_code"],
        "412"
    );
    assert_eq!(act(&rig, "no", json!({"do": "pay"})).await.0, 404);
    assert_eq!(act(&rig, "A~1.x", json!({"do": "fly"})).await.0, 400);
    assert_eq!(
        act(&rig, "A~1.x", json!({"do": "reverse"})).await.1["status"],
        "deny"
    );
    let (_, list) = rig.get(&format!("{ROOT}/transactions")).await;
    assert_eq!(
        (&list[0]["gross_amount"], &list[0]["status"]),
        (&json!(70_000), &json!("deny"))
    );
}

#[tokio::test]
async fn a_code_expires_with_a_notification_and_an_unchosen_page_in_silence() {
    let (rig, _) = made("A-1").await;
    rig.post(&format!("{ROOT}/snap/v1/transactions"), order("A-2"))
        .await;
    act(
        &rig,
        "A-1",
        json!({"do": "choose", "method": "indomaret", "notify": false}),
    )
    .await;
    rig.advance(3601);
    assert_eq!(act(&rig, "A-1", json!({"do": "pay"})).await.0, 409);
    assert_eq!(act(&rig, "A-2", json!({"do": "pay"})).await.0, 409);
    rig.sandbox.run_due().await;
    let told = rig.hook.bodies();
    assert_eq!(told.len(), 1);
    assert_eq!(
        (&told[0]["transaction_status"], &told[0]["status_code"]),
        (&json!("expire"), &json!("202"))
    );
    assert!(told[0].get("fraud_status").is_none());
    assert_eq!(status(&rig, "A-1").await["status_code"], "407");
    assert_eq!(status(&rig, "A-2").await["status_code"], "404");
    assert_eq!(rig.sandbox.next_due(), None);
}

#[tokio::test]
async fn a_second_charge_of_an_order_is_406_in_a_200() {
    let rig = Rig::new().await;
    let mut body = order("C-1");
    body["payment_type"] = json!("bank_transfer");
    body["bank_transfer"] = json!({"bank": "permata"});
    let path = format!("{ROOT}/v2/charge");
    let (_, first) = rig.post(&path, body.clone()).await;
    assert_eq!(first["status_code"], "201");
    assert!(first["permata_va_number"].is_string() && first.get("va_numbers").is_none());
    let (status, second) = rig.post(&path, body).await;
    assert_eq!((status, &second["status_code"]), (200, &json!("406")));
    let (_, expired) = rig.post(&format!("{ROOT}/v2/C-1/expire"), json!({})).await;
    assert_eq!(
        (&expired["status_code"], &expired["transaction_status"]),
        (&json!("407"), &json!("expire"))
    );
}

#[tokio::test]
async fn retries_follow_the_table() {
    for (code, tries) in [(200, 1), (500, 2), (503, 5), (400, 3), (302, 1), (401, 6)] {
        let (rig, _) = made("A-1").await;
        rig.hook.answers(code, 100);
        let (_, paid) = act(&rig, "A-1", json!({"do": "pay", "method": "credit_card"})).await;
        assert_eq!(paid["notified"], json!([code]));
        for minutes in notify::PAUSES {
            rig.advance(minutes * 60 - 30);
            rig.sandbox.run_due().await;
            rig.advance(31);
            rig.sandbox.run_due().await;
        }
        assert_eq!(rig.hook.bodies().len(), tries, "{code}");
        assert_eq!(rig.sandbox.next_due(), None);
    }
}

#[tokio::test]
async fn notifications_bend() {
    let (rig, _) = made("A-1").await;
    let bent = json!({"do": "pay", "method": "credit_card", "times": 2, "amount": 1, "status_amount": "69999.00",
        "omit": ["fraud_status"], "raw": {"currency": 5}});
    let (_, answer) = act(&rig, "A-1", bent).await;
    assert_eq!(
        answer,
        json!({"ok": true, "status": "capture", "notified": [200, 200]})
    );
    let told = rig.hook.bodies();
    assert_eq!(told[0], told[1]);
    assert_eq!(
        (&told[0]["gross_amount"], &told[0]["currency"]),
        (&json!("1.00"), &json!(5))
    );
    assert_eq!(
        told[0]["signature_key"],
        notify::sign("A-1", "200", "1.00", "SB-Mid-server-demo")
    );
    assert!(told[0].get("fraud_status").is_none());
    assert_eq!(status(&rig, "A-1").await["gross_amount"], "69999.00");
}

#[tokio::test]
async fn a_card_is_challenged_denied_and_tried_again() {
    let (rig, _) = made("A-1").await;
    assert_eq!(
        act(&rig, "A-1", json!({"do": "challenge"})).await.1["status"],
        "capture"
    );
    let held = status(&rig, "A-1").await;
    assert_eq!(
        (&held["status_code"], &held["fraud_status"]),
        (&json!("201"), &json!("challenge"))
    );
    act(&rig, "A-1", json!({"do": "deny"})).await;
    act(
        &rig,
        "A-1",
        json!({"do": "choose", "method": "credit_card"}),
    )
    .await;
    act(&rig, "A-1", json!({"do": "pay"})).await;
    let paid = status(&rig, "A-1").await;
    assert_ne!(paid["transaction_id"], held["transaction_id"]);
    act(
        &rig,
        "A-1",
        json!({"do": "refund", "refund_amount": 20_000}),
    )
    .await;
    let refunded = status(&rig, "A-1").await;
    assert_eq!(
        (&refunded["transaction_status"], &refunded["refund_amount"]),
        (&json!("partial_refund"), &json!("20000.00"))
    );
    assert_eq!(
        act(&rig, "A-1", json!({"do": "refund"})).await.1["status"],
        "refund"
    );
}

#[tokio::test]
async fn the_customers_page_pays_without_a_script() {
    let (rig, token) = made("A-1").await;
    let path = format!("{ROOT}/snap/v4/redirection/{token}");
    let (_, page) = rig.get(&path).await;
    let page = page.as_str().unwrap();
    assert!(
        page.contains("Rp70.000") && page.contains("Slot &lt;b&gt;") && page.contains("bca_va")
    );
    for form in ["act=choose&method=bca_va", "act=pay"] {
        let request = axum::http::Request::post(&path)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(axum::body::Body::from(form));
        let (status, headers, _) = rig.raw(request.unwrap()).await;
        assert_eq!(
            (status.as_u16(), headers["location"].to_str().unwrap()),
            (303, path.as_str())
        );
    }
    let (_, page) = rig.get(&path).await;
    let back =
        "https://x.id/o/1?order_id=A-1&amp;status_code=200&amp;transaction_status=settlement";
    assert!(page.as_str().unwrap().contains(back));
    assert_eq!(
        rig.get(&format!("{ROOT}/snap/v4/redirection/nope")).await.0,
        404
    );
    let (_, script) = rig.get(&format!("{ROOT}/snap/snap.js")).await;
    assert!(script.as_str().unwrap().contains("window.snap"));
}
