//! The operator connects a merchant's WhatsApp and registers its templates.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

use std::process::Stdio;

use pesan_tests::operator::Operator;
use pesan_tests::whatsapp::{sign, typed};
use pesan_tests::{Setup, Stack, whatsapp};
use serde_json::{Value, json};

const CONNECT: &str =
    "pesan whatsapp connect demo2 --phone-number-id 1000002 --waba-id 2000002 --token-file token";

fn operator(stack: &Stack) -> Operator {
    let operator = Operator::of(stack);
    operator.file("token", "demo2-whatsapp-token\n");
    operator.file("wrong-token", "not-a-token\n");
    operator
}

/// Who owns which number and account.
async fn owners(stack: &Stack) -> Vec<(String, String)> {
    let text = |row: &Value, field: &str| row[field]["S"].as_str().unwrap().to_owned();
    let rows = stack.rows().await;
    let owned = rows.iter().filter(|row| text(row, "PK").starts_with("WA#"));
    let mut owners: Vec<_> = owned
        .map(|row| (text(row, "PK"), text(row, "merchant")))
        .collect();
    owners.sort();
    owners
}

async fn token_of(stack: &Stack, merchant: &str) -> Option<String> {
    let name = format!("/pesan/local/merchants/{merchant}/whatsapp-token");
    let answer = stack
        .request(reqwest::Method::POST, "/sandbox/ssm")
        .header("x-amz-target", "AmazonSSM.GetParameter")
        .json(&json!({"Name": name}))
        .send()
        .await
        .unwrap();
    let answer: Value = answer.json().await.unwrap();
    answer["Parameter"]["Value"].as_str().map(str::to_owned)
}

async fn made(stack: &Stack) -> Vec<Value> {
    let calls = stack.calls("whatsapp").await;
    let is_new = |call: &Value| call["op"] == "message_templates" && call["method"] == "POST";
    calls.into_iter().filter(is_new).collect()
}

#[tokio::test]
async fn a_number_is_connected_only_when_meta_takes_its_token() {
    let stack = Stack::start();
    let operator = operator(&stack);
    let rows = stack.rows().await;
    let asked = stack.count("whatsapp", None).await;
    for (line, why) in [
        (
            CONNECT.replace("demo2 ", "nobody "),
            "there is no merchant nobody",
        ),
        (
            CONNECT.replace("1000002", "+62811"),
            "phone-number-id: not an id",
        ),
        (CONNECT.replace("2000002", "''"), "waba-id: not an id"),
        (CONNECT.replace("2000002", "1000002"), "an id of its own"),
        (
            CONNECT.replace("1000002", "1000001"),
            "the number 1000001 belongs to the merchant demo already",
        ),
        (
            CONNECT.replace("2000002", "2000001"),
            "the business account 2000001 belongs to the merchant demo already",
        ),
        (
            CONNECT.replace(" --token-file token", ""),
            "has no WhatsApp token",
        ),
        (
            CONNECT.replace("token-file token", "token-file nowhere"),
            "nowhere cannot be read",
        ),
        (
            "pesan whatsapp activate demo2".to_owned(),
            "no WhatsApp number of demo2",
        ),
        (
            "pesan whatsapp info demo2".to_owned(),
            "no WhatsApp number of demo2",
        ),
        (
            "pesan whatsapp templates push demo2".to_owned(),
            "no WhatsApp number of demo2",
        ),
    ] {
        let refused = operator.is_refused(&line);
        assert!(refused.contains(why), "{line}: {refused}");
    }
    assert_eq!(
        stack.count("whatsapp", None).await,
        asked,
        "Meta was not asked"
    );
    for (line, why) in [
        (CONNECT.replace("-file token", "-file wrong-token"), "(190)"),
        (
            CONNECT.replace("1000002", "1000009"),
            "WhatsApp refused: Unsupported get",
        ),
        (
            CONNECT.replace("2000002", "2000009"),
            "WhatsApp refused: Unsupported post",
        ),
    ] {
        let refused = operator.is_refused(&line);
        assert!(refused.contains(why), "{line}: {refused}");
    }
    assert_eq!(stack.rows().await, rows);
    assert_eq!(token_of(&stack, "demo2").await, None);

    let connected = operator.does(CONNECT);
    assert!(connected.out.contains("+62 811-1000-002"), "{connected:?}");
    assert!(!connected.out.contains("demo2-whatsapp-token"));
    let demo = |id: &str, merchant: &str| (format!("WA#{id}"), merchant.to_owned());
    let four = [
        demo("1000001", "demo"),
        demo("1000002", "demo2"),
        demo("2000001", "demo"),
        demo("2000002", "demo2"),
    ];
    assert_eq!(owners(&stack).await, four);
    let token = token_of(&stack, "demo2").await;
    assert_eq!(token.as_deref(), Some("demo2-whatsapp-token"));
    operator.does(CONNECT);
    assert_eq!(owners(&stack).await, four);
}

#[tokio::test]
async fn two_merchants_that_want_one_number_at_the_same_moment_do_not_both_get_it() {
    let stack = Stack::start();
    let operator = operator(&stack);
    operator.does("pesan merchant add demo3 --name Third --zone Asia/Jakarta");
    let mut running: Vec<_> = ["demo2 ", "demo3 "]
        .map(|merchant| {
            let line = CONNECT.replace("demo2 ", merchant);
            operator
                .command(&line)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        })
        .into();
    let good = running
        .iter_mut()
        .filter_map(|one| one.wait().unwrap().success().then_some(()))
        .count();
    assert_eq!(good, 1);
    let number = owners(&stack).await;
    let owner = |id: &str| number.iter().find(|one| one.0 == id).unwrap().1.clone();
    assert_eq!(owner("WA#1000002"), owner("WA#2000002"));
}

#[tokio::test]
async fn another_number_frees_the_one_before_and_has_to_be_activated_anew() {
    let stack = Stack::start();
    let operator = operator(&stack);
    operator.does(CONNECT);
    operator.does("pesan whatsapp activate demo2");
    let again = operator.does(CONNECT);
    assert!(again.is_good);
    let shown = operator.does("pesan merchant show demo2 --json").json();
    assert_eq!(
        shown["whatsapp"]["activation"], "active",
        "the same number stays"
    );
    let account = json!({"merchant": "demo2", "bot_username": "demo2_bot", "bot_token": "2:demo2",
        "midtrans_merchant_id": "G000000002", "server_key": "SB-Mid-server-demo2",
        "client_key": "SB-Mid-client-demo2", "notification_url": "",
        "whatsapp": {"phone_number_id": "1000003", "waba_id": "2000002",
            "display_phone_number": "+62 811-1000-003", "access_token": "demo2-whatsapp-token"}});
    stack.handle("/sandbox/accounts", &account).await;
    operator.does(&CONNECT.replace("1000002", "1000003"));
    let owned: Vec<String> = owners(&stack).await.into_iter().map(|one| one.0).collect();
    assert_eq!(
        owned,
        ["WA#1000001", "WA#1000003", "WA#2000001", "WA#2000002"]
    );
    let shown = operator.does("pesan merchant show demo2 --json").json();
    assert_eq!(shown["whatsapp"]["activation"], "inactive");
    operator.does("pesan whatsapp activate demo2");
    operator.does("pesan whatsapp suspend demo2");
    let info = operator.does("pesan whatsapp info demo2 --json").json();
    assert_eq!(info["activation"], "suspended");
    assert_eq!(info["display_phone_number"], "+62 811-1000-003");
    assert_eq!(info["quality_rating"], "GREEN");
    assert_eq!(info["throughput"], "STANDARD");
}

#[tokio::test]
async fn templates_are_pushed_once_and_say_how_they_stand() {
    let stack = Stack::start();
    let operator = operator(&stack);
    operator.does(CONNECT);
    let by_hand = json!({"review": "by_hand"});
    stack.handle("/sandbox/whatsapp-templates", &by_hand).await;
    let before = made(&stack).await.len();
    let pushed = operator
        .does("pesan whatsapp templates push demo2 --json")
        .json();
    let templates = pushed["templates"].as_array().unwrap();
    assert_eq!(templates.len(), 14);
    assert!(templates.iter().all(|one| one["status"] == "PENDING"));
    let calls = made(&stack).await;
    assert_eq!(calls.len() - before, 14);
    let all = json!(calls[before..]).to_string();
    assert!(!all.contains("pesan.example.id"));
    assert!(
        all.contains(&format!("{}/{{{{1}}}}", stack.base_url())),
        "{all}"
    );

    operator.does("pesan whatsapp templates push demo2");
    assert_eq!(
        made(&stack).await.len(),
        calls.len(),
        "what is there is left"
    );

    // Meta decides, and its webhooks are lost: asking finds out.
    stack.advance("1m").await;
    stack
        .handle("/sandbox/whatsapp-webhooks", &json!({"lose": 100}))
        .await;
    let decide = async |name: &str, event: Value| {
        let mut decision = event;
        decision["merchant"] = json!("demo2");
        let path = format!("/sandbox/whatsapp-templates/{name}");
        stack.handle(&path, &decision).await;
    };
    decide("monthly_bill", json!({"event": "APPROVED"})).await;
    decide(
        "low_balance",
        json!({"event": "REJECTED", "language": "en"}),
    )
    .await;
    decide("one_time_code", json!({"quality": "GREEN"})).await;
    let status = |listed: &Value, name: &str, language: &str| {
        let all = listed["templates"].as_array().unwrap();
        let ours = |one: &&Value| one["name"] == name && one["language"] == language;
        all.iter().find(ours).unwrap().clone()
    };
    let line = "pesan whatsapp templates status demo2 --json";
    let listed = operator.does(line).json();
    assert_eq!(status(&listed, "monthly_bill", "id")["status"], "APPROVED");
    assert_eq!(status(&listed, "low_balance", "en")["status"], "REJECTED");
    assert_eq!(status(&listed, "low_balance", "id")["status"], "PENDING");
    assert_eq!(status(&listed, "one_time_code", "id")["quality"], "GREEN");
    let category = &status(&listed, "one_time_code", "id")["category"];
    assert_eq!(category, "authentication");

    // Deleted in Meta's own pages.
    let deleted = stack
        .request(
            reqwest::Method::DELETE,
            "/sandbox/graph.facebook.com/v24.0/2000002/message_templates?name=repair_status",
        )
        .header("Authorization", "Bearer demo2-whatsapp-token")
        .send()
        .await
        .unwrap();
    assert_eq!(deleted.status(), 200);
    stack.advance("1m").await;
    let listed = operator.does(line).json();
    assert_eq!(status(&listed, "repair_status", "id")["status"], "DELETED");
    let text = operator.does("pesan whatsapp templates status demo2").out;
    assert!(text.starts_with("template"), "{text}");
}

#[tokio::test]
async fn a_push_that_broke_off_goes_on_from_there() {
    let stack = Stack::start();
    let operator = operator(&stack);
    operator.does(CONNECT);
    let fault = json!({"at": "whatsapp", "fault": "http_500", "op": "message_templates",
        "skip": 6, "times": 1});
    stack.fault(fault).await;
    let broke = operator.is_refused("pesan whatsapp templates push demo2");
    assert!(broke.contains("WhatsApp refused"), "{broke}");
    // Done, and the answer lost.
    let fault = json!({"at": "whatsapp", "fault": "timeout_after", "op": "message_templates",
        "skip": 2, "times": 1});
    stack.fault(fault).await;
    let broke = operator.is_refused("pesan whatsapp templates push demo2");
    assert!(broke.contains("goes on from there"), "{broke}");
    stack.end_faults().await;
    let pushed = operator
        .does("pesan whatsapp templates push demo2 --json")
        .json();
    let templates = pushed["templates"].as_array().unwrap();
    assert_eq!(templates.len(), 14);
    assert!(
        templates.iter().all(|one| one["status"] == "APPROVED"),
        "{pushed:#}"
    );
}

#[tokio::test]
async fn the_app_is_set_up_and_its_secret_exchanged_without_a_gap() {
    let stack = Stack::start_with(&Setup {
        empty: true,
        ..Setup::default()
    });
    let operator = operator(&stack);
    operator.file("app-secret", "the-first-secret\n");
    operator.file("next-secret", "the-next-secret\n");
    let first = operator.is_refused("pesan whatsapp app");
    assert!(first.contains("--secret-file"), "{first}");
    operator.does("pesan keys create");
    let set = operator
        .does("pesan whatsapp app --secret-file app-secret --json")
        .json();
    assert_eq!(
        set["callback_url"],
        format!("{}/whatsapp", stack.base_url())
    );
    let token = set["verify_token"].as_str().unwrap();
    stack.keep_private(token);
    let app = json!({"app_secret": "the-first-secret", "webhook_url": set["callback_url"],
        "verify_token": token});
    stack.handle("/sandbox/whatsapp-app", &app).await;
    let verified = stack.handle("/sandbox/whatsapp-verify", &json!({})).await;
    assert_eq!(verified["verified"], true);
    let again = operator.does("pesan whatsapp app --json").json();
    assert_eq!(again["verify_token"], token);

    let hook = async |secret: &str| {
        let typed = typed("m1", "6281200000042", "Halo", whatsapp::MORNING_SECONDS);
        let body = whatsapp::body("7", &[whatsapp::messages("7", &[typed])]);
        let bytes = body.to_string().into_bytes();
        let signature = sign(secret, &bytes);
        let answer = stack.hook_bytes(bytes, Some(&signature)).await;
        answer.status().as_u16()
    };
    assert_eq!(hook("the-first-secret").await, 200);
    operator.does("pesan whatsapp app --secret-file next-secret --beside-old");
    stack.advance("5m").await;
    assert_eq!(hook("the-next-secret").await, 200);
    assert_eq!(hook("the-first-secret").await, 200);
    operator.does("pesan whatsapp app --secret-file next-secret");
    stack.advance("5m").await;
    assert_eq!(hook("the-next-secret").await, 200);
    assert_eq!(hook("the-first-secret").await, 401);
}

#[tokio::test]
async fn keys_are_made_where_they_are_missing_and_never_again() {
    let stack = Stack::start_with(&Setup {
        empty: true,
        ..Setup::default()
    });
    let operator = operator(&stack);
    stack.put_parameter("link-key", "one-that-is-there").await;
    let doctor = operator.is_refused("pesan doctor");
    assert!(doctor.contains("lacking  contact key"), "{doctor}");
    assert!(doctor.contains("→ pesan keys create"), "{doctor}");
    let made = operator.does("pesan keys create --json").json();
    assert_eq!(made["made"], json!(["contact key"]));
    let made = operator.does("pesan keys create --json").json();
    assert_eq!(made["made"], json!([]));
    operator.does("pesan doctor");
}

#[tokio::test]
async fn doctor_notes_a_number_that_is_not_there_and_names_what_a_connected_one_lacks() {
    let stack = Stack::start();
    let operator = operator(&stack);
    let note = operator.does("pesan doctor demo2").out;
    assert!(
        note.contains("note     whatsapp: no number is connected"),
        "{note}"
    );
    let good = operator.does("pesan doctor demo").out;
    assert!(
        good.contains("ok       whatsapp: +62 811-1000-001"),
        "{good}"
    );
    assert!(
        good.contains("ok       whatsapp templates: 14 approved"),
        "{good}"
    );

    operator.does(CONNECT);
    let half = operator.does("pesan doctor demo2").out;
    assert!(
        half.contains("it is inactive: `pesan whatsapp activate demo2`"),
        "{half}"
    );
    assert!(half.contains("0 of 14 are approved"), "{half}");
    let name = "merchants/demo2/whatsapp-token";
    stack.put_parameter(name, "a-revoked-token").await;
    stack.delete_parameter("whatsapp-app-secret").await;
    let lacking = operator.is_refused("pesan doctor demo2");
    assert!(
        lacking.contains("lacking  whatsapp: WhatsApp refused"),
        "{lacking}"
    );
    assert!(
        lacking.contains("→ pesan whatsapp app --secret-file FILE"),
        "{lacking}"
    );
}
