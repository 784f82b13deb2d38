//! The local stack itself: what survives, what is refused, what the demo says.

use pesan_tests::{Setup, Stack, run_to_end};
use serde_json::json;

#[tokio::test]
async fn state_survives_a_power_cut() {
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup {
        data: Some(folder.path().to_owned()),
        ..Setup::default()
    };
    let stack = Stack::start_with(&setup);
    let booked = stack.customer(1).book("09.00").await;
    let path = booked
        .link
        .strip_prefix(stack.base_url())
        .unwrap()
        .to_owned();
    stack.cut();

    let stack = Stack::start_with(&setup);
    assert_eq!(stack.page(&path).await.payment, "Created");
    assert_eq!(
        stack.customer(1).newest().await.code(),
        Some(booked.code.clone())
    );
    stack.bank(&booked.code, json!({"do": "pay"})).await;
    assert_eq!(stack.page(&path).await.payment, "Paid");
    // The chat goes on where it was, with update ids never seen before.
    let day = stack.customer(1).summary("05/12/2026", "12.00").await;
    assert!(day.buttons.contains(&"Book Now".to_owned()));
}

#[tokio::test]
async fn the_clock_turns_forward_only() {
    let stack = Stack::start();
    let before = stack.get_json("/sandbox/clock").await;
    let refused = stack
        .post(
            "/sandbox/clock",
            &json!({"set": "2026-12-01T07:59:00+07:00"}),
        )
        .await;
    assert_eq!(refused.status(), 400);
    for bad in [
        json!({}),
        json!({"advance": "soon"}),
        json!({"advance": "-1h"}),
    ] {
        assert_eq!(
            stack.post("/sandbox/clock", &bad).await.status(),
            400,
            "{bad}"
        );
    }
    stack.set_clock("2026-12-03T09:00:00+07:00").await;
    let after = stack.get_json("/sandbox/clock").await;
    assert!(
        before["now"]
            .as_str()
            .unwrap()
            .starts_with("2026-12-01T01:00")
    );
    assert!(
        after["now"]
            .as_str()
            .unwrap()
            .starts_with("2026-12-03T02:00")
    );
}

#[tokio::test]
async fn what_is_not_there_yet_says_so() {
    let stack = Stack::start();
    let refused = stack.post("/sandbox/schedules/nobody", &json!({})).await;
    assert_eq!(refused.status(), 404);
    assert!(refused.text().await.unwrap().contains("nobody"));
    let (status, refused) = stack.get("/sandbox/queues/nowhere").await;
    assert_eq!(status, 404);
    assert!(refused.contains("nowhere"));
    let nowhere = stack
        .post(
            "/sandbox/faults",
            &json!({"at": "nowhere", "fault": "kill_before"}),
        )
        .await;
    assert_eq!(nowhere.status(), 400);
}

#[tokio::test]
async fn c7_no_row_that_must_stay_carries_the_tables_ttl() {
    let stack = Stack::start();
    let booked = stack.customer(1).book("09.00").await;
    stack.bank(&booked.code, json!({"do": "pay"})).await;
    let rows = stack.rows().await;
    assert!(rows.len() > 100, "{} rows", rows.len());
    for row in rows {
        assert!(row.get("expires_at").is_none(), "{}", row["PK"]);
    }
}

#[test]
fn the_demo_plays_a_booking_to_its_end() {
    let (code, said, complaint) = run_to_end(&["demo"]);
    assert_eq!(code, Some(0), "{said}{complaint}");
    for step in [
        "-> [Book Now]",
        "Pembayaran diterima",
        "says Paid, Confirmed",
        "every step held",
    ] {
        assert!(said.contains(step), "{step}: {said}");
    }
}

#[tokio::test]
async fn nothing_that_belongs_to_a_customer_or_a_secret_is_logged() {
    let stack = Stack::start();
    let customer = stack.customer(987_654_321);
    let booked = customer.book("09.00").await;
    for fault in ["timeout_before", "timeout_after", "http_500"] {
        stack.fault(json!({"at": "telegram", "fault": fault})).await;
        customer.press("Bayar Sekarang").await;
        stack.end_faults().await;
    }
    stack
        .fault(json!({"at": "midtrans", "fault": "timeout_before"}))
        .await;
    stack.bank(&booked.code, json!({"do": "pay"})).await;
    stack.end_faults().await;
    stack
        .fault(json!({"at": "telegram", "fault": "timeout_after", "op": "sendMessage"}))
        .await;
    stack.advance("5m").await;
    assert_eq!(stack.page(&booked.link).await.payment, "Paid");
    let log = stack.log();
    assert!(log.contains("payment"), "{log}");
    let token = booked.link.rsplit('/').next().unwrap();
    for private in [
        "Budi",
        "987654321",
        "1:demo",
        "SB-Mid-server",
        "telegram-secret",
        token,
        &booked.code,
    ] {
        assert!(!log.contains(private), "{private} is in the log: {log}");
    }
}
