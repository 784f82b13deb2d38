use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{CloseConnection, KillSwitch, PartialFailure, Trip};
use crate::testing::Rig;

async fn order(rig: &Rig, fault: Value) {
    let answer = rig.post("/sandbox/faults", fault).await;
    assert_eq!(answer, (200, json!({"ok": true})));
}

#[tokio::test]
async fn an_order_that_makes_no_sense_names_its_field() {
    let rig = Rig::new().await;
    for (body, field) in [
        (json!({"at": "moon", "fault": "throttle"}), "at:"),
        (json!({"at": "ssm", "fault": "sulk"}), "fault:"),
        (
            json!({"at": "telegram", "fault": "AccessDeniedException"}),
            "fault:",
        ),
        (
            json!({"at": "ssm", "fault": "throttle", "times": -1}),
            "times:",
        ),
    ] {
        let (status, answer) = rig.post("/sandbox/faults", body).await;
        assert!(status == 400 && answer["error"].as_str().unwrap().starts_with(field));
    }
}

#[tokio::test]
async fn faults_match_skip_and_run_out_and_the_journal_tells() {
    let rig = Rig::new().await;
    order(
        &rig,
        json!({"at": "telegram", "fault": "throttle", "op": "getMe", "skip": 1}),
    )
    .await;
    let call = || rig.get("/sandbox/api.telegram.org/bot1:demo/getMe");
    assert_eq!(call().await.0, 200);
    let (status, answer) = call().await;
    assert_eq!(
        (status, &answer["parameters"]["retry_after"]),
        (429, &json!(1))
    );
    assert_eq!(call().await.0, 200);
    order(&rig, json!({"at": "midtrans", "fault": "http_500"})).await;
    rig.post("/sandbox/faults", json!({"at": "telegram", "fault": "403"}))
        .await;
    assert_eq!(call().await.1["error_code"], 403);
    let (_, log) = rig.get("/sandbox/log/telegram").await;
    let statuses: Vec<&Value> = log
        .as_array()
        .unwrap()
        .iter()
        .map(|call| &call["status"])
        .collect();
    assert_eq!(
        statuses,
        [&json!(200), &json!(429), &json!(200), &json!(403)]
    );
    assert_eq!(log[0]["op"], "getMe");
    assert_eq!(rig.get("/sandbox/log/moon").await.0, 404);
    assert_eq!(
        rig.get("/sandbox/midtrans/v2/x/status").await.1["status_code"],
        "500"
    );
}

#[tokio::test]
async fn a_table_conflicts_closes_and_kills() {
    let rig = Rig::new().await;
    let done = Arc::new(AtomicUsize::new(0));
    let killed = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&done);
    let inner = Router::new().fallback(move || {
        count.fetch_add(1, Ordering::SeqCst);
        async { "{}" }
    });
    let table = rig.sandbox.wire().guard("dynamodb", inner);
    let call = |op: &str, body: Value| {
        let killed = Arc::clone(&killed);
        let kill = KillSwitch(Arc::new(move || {
            killed.fetch_add(1, Ordering::SeqCst);
        }));
        let request = Request::post("/")
            .header("x-amz-target", format!("DynamoDB_20120810.{op}"))
            .extension(kill)
            .body(Body::from(body.to_string()))
            .unwrap();
        table.clone().oneshot(request)
    };
    order(&rig, json!({"at": "dynamodb", "fault": "conflict"})).await;
    let items = json!({"TransactItems": [{}, {}, {}]});
    let response = call("TransactWriteItems", items).await.unwrap();
    assert_eq!(response.status(), 400);
    let body = axum::body::to_bytes(response.into_body(), usize::MAX)
        .await
        .unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        body["__type"],
        "com.amazonaws.dynamodb.v20120810#TransactionCanceledException"
    );
    let codes: Vec<&Value> = body["CancellationReasons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reason| &reason["Code"])
        .collect();
    assert_eq!(codes, ["TransactionConflict", "None", "None"]);
    for (fault, done_after, killed_after) in [
        ("timeout_before", 0, 0),
        ("timeout_after", 1, 0),
        ("kill_before", 1, 1),
        ("kill_after", 2, 2),
    ] {
        order(
            &rig,
            json!({"at": "dynamodb", "fault": fault, "op": "PutItem"}),
        )
        .await;
        let response = call("PutItem", json!({})).await.unwrap();
        assert!(response.extensions().get::<CloseConnection>().is_some());
        assert_eq!(
            (done.load(Ordering::SeqCst), killed.load(Ordering::SeqCst)),
            (done_after, killed_after),
            "{fault}"
        );
    }
    let (_, log) = rig.get("/sandbox/log/dynamodb").await;
    assert_eq!(
        (&log[1]["op"], &log[1]["status"]),
        (&json!("PutItem"), &Value::Null)
    );
}

#[tokio::test]
async fn an_aws_error_is_answered_by_its_name() {
    let rig = Rig::new().await;
    for vendor in ["dynamodb", "ssm", "eventbridge", "streams"] {
        let fault = json!({"at": vendor, "fault": "InvalidSignatureException"});
        order(&rig, fault).await;
        let service = rig.sandbox.wire().guard(vendor, Router::new());
        let request = Request::post("/").body(Body::from("{}")).unwrap();
        let response = service.oneshot(request).await.unwrap();
        assert_eq!(response.status(), 400, "{vendor}");
        let body = axum::body::to_bytes(response.into_body(), usize::MAX);
        let body: Value = serde_json::from_slice(&body.await.unwrap()).unwrap();
        assert_eq!(body["__type"], "InvalidSignatureException", "{vendor}");
    }
}

#[tokio::test]
async fn a_step_that_is_no_call_fails_on_order_and_a_call_in_part() {
    let rig = Rig::new().await;
    let wire = rig.sandbox.wire();
    let trip = || wire.trip("sqs", "SendMessage");
    assert_eq!(trip(), None);
    order(&rig, json!({"at": "sqs", "fault": "throttle", "skip": 1})).await;
    order(&rig, json!({"at": "sqs", "fault": "timeout_after"})).await;
    assert_eq!(trip(), Some(Trip::After));
    assert_eq!(trip(), Some(Trip::Before));
    assert_eq!(trip(), None);

    let in_part = Router::new().fallback(|request: Request<Body>| async move {
        let partial = request.extensions().get::<PartialFailure>();
        partial.is_some().to_string()
    });
    let guarded = wire.guard("eventbridge", in_part);
    order(&rig, json!({"at": "eventbridge", "fault": "partial"})).await;
    for expected in ["true", "false"] {
        let call = Request::post("/").body(Body::empty()).unwrap();
        let answer = guarded.clone().oneshot(call).await.unwrap();
        let bytes = axum::body::to_bytes(answer.into_body(), 100).await.unwrap();
        assert_eq!(bytes, expected);
    }
    let elsewhere = json!({"at": "ssm", "fault": "partial"});
    assert_eq!(rig.post("/sandbox/faults", elsewhere).await.0, 400);
}

#[tokio::test]
async fn a_fault_meets_every_nth_call() {
    let rig = Rig::new().await;
    order(
        &rig,
        json!({"at": "telegram", "fault": "403", "every": 3, "times": 2}),
    )
    .await;
    let mut statuses = vec![];
    for _ in 0..8 {
        let (status, _) = rig.get("/sandbox/api.telegram.org/bot1:demo/getMe").await;
        statuses.push(status);
    }
    assert_eq!(statuses, [403, 200, 200, 403, 200, 200, 200, 200]);
}
