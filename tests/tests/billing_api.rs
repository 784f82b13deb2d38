//! Billing runs shown and begun from outside: over the API, and from the operator's command line.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

use std::collections::{BTreeMap, BTreeSet};

use pesan_tests::operator::Operator;
use pesan_tests::{API_KEY, Setup, Stack};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

const SUBSCRIBERS: usize = 25;
const RUNS: &str = "/v1/billing-runs";
const NOVEMBER: &str = "/v1/billing-runs/2026-11";
const TAPE: &str = "/v1/billing-runs/2026-11/tape";

/// In the middle of a month's last day, when no schedule begins anything for hours.
fn month_end() -> Stack {
    Stack::start_with(&Setup {
        clock: Some("2026-11-30T10:00:00+07:00".to_owned()),
        ..Setup::default()
    })
}

async fn get(stack: &Stack, path: &str) -> Response {
    let request = stack.request(Method::GET, path).bearer_auth(API_KEY);
    request.send().await.unwrap()
}

async fn read(stack: &Stack, path: &str) -> Value {
    let answer = get(stack, path).await;
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    answer.json().await.unwrap()
}

async fn ask(stack: &Stack, body: &Value) -> Response {
    let request = stack.request(Method::POST, RUNS).bearer_auth(API_KEY);
    request.json(body).send().await.unwrap()
}

/// Status, kind and field of a problem.
async fn problem(answer: Response) -> (u16, String, Value) {
    let status = answer.status().as_u16();
    let problem: Value = answer.json().await.unwrap();
    let kind = problem["type"].as_str().unwrap_or_default();
    let kind = kind.rsplit('/').next().unwrap().to_owned();
    (status, kind, problem["field"].clone())
}

/// All cells of a tape, by subscriber, read page by page.
async fn tape(stack: &Stack, path: &str, limit: usize) -> BTreeMap<String, Value> {
    let (mut cells, mut cursor) = (BTreeMap::new(), String::new());
    let joint = if path.contains('?') { '&' } else { '?' };
    loop {
        let page = read(stack, &format!("{path}{joint}limit={limit}{cursor}")).await;
        let on_it = page["cells"].as_array().unwrap();
        assert!(on_it.len() <= limit, "{page}");
        for cell in on_it {
            let subscriber = cell["subscriber"].as_str().unwrap().to_owned();
            assert!(cells.insert(subscriber, cell.clone()).is_none(), "{cell}");
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return cells,
        }
    }
}

/// The keys of all rows but those of API keys' buckets.
async fn rows(stack: &Stack) -> BTreeSet<(String, String)> {
    let rows = stack.rows().await;
    let key = |row: &Value, name: &str| row[name]["S"].as_str().unwrap().to_owned();
    let keys = rows.iter().map(|row| (key(row, "PK"), key(row, "SK")));
    keys.filter(|(pk, _)| !pk.starts_with("RATE#")).collect()
}

/// What was written to a cell, each write as `U→C made:whatsapp`.
fn trace(cell: &Value) -> Vec<String> {
    let writes = cell["trace"].as_array().unwrap().iter();
    let word = |write: &Value, name: &str| write[name].as_str().unwrap().to_owned();
    let in_short = |write: &Value| {
        let (from, to, why) = (word(write, "from"), word(write, "to"), word(write, "why"));
        format!("{from}→{to} {why}")
    };
    writes.map(in_short).collect()
}

#[tokio::test]
async fn a_dry_run_says_what_a_run_would_come_to_and_writes_nothing() {
    let stack = month_end();
    let operator = Operator::of(&stack);
    operator.does("pesan subscribers pause demo plg-002");
    // The answer to it costs a message.
    stack.writes("62812000001003", "STOP", 1).await;
    stack.idle().await;
    let before = rows(&stack).await;

    let answer = ask(&stack, &json!({"period": "2026-11", "dry_run": true})).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let forecast: Value = answer.json().await.unwrap();
    let expected = json!({
        "period": "2026-11", "dry_run": true, "done": 0, "bills": 24, "total": 3_600_000,
        "whatsapp": 23, "telegram": 0, "cost": 23 * 367, "available": 36_700 - 367, "covered": true,
        "days": 1, "seconds": 1, "sample": null, "held_up_by": [], "early": false, "came_later": 0,
        "no_channel": {
            "counts": {"opted-out": 1},
            "subscribers": [{"subscriber": "plg-003", "reason": "opted-out"}],
        },
        "nothing_owed": {
            "counts": {"paused": 1},
            "subscribers": [{"subscriber": "plg-002", "reason": "paused"}],
        },
    });
    assert_eq!(forecast, expected);
    let typed = operator.does("pesan billing run demo --dry-run --json");
    assert_eq!(typed.json(), expected, "this month is the usual one");
    let typed = operator.does("pesan billing run demo --period 2026-11 --dry-run");
    for words in ["Rp3.600.000", "enough", "plg-002", "plg-003", "dry run"] {
        assert!(typed.out.contains(words), "{words}: {}", typed.out);
    }
    stack.idle().await;
    assert_eq!(rows(&stack).await, before);
    assert_eq!(get(&stack, NOVEMBER).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_dry_run_sends_one_sample_a_day_to_whom_it_is_told() {
    let stack = month_end();
    let body = json!({"period": "2026-11", "dry_run": true, "sample_to": "0812 0000 0001"});
    for says in ["queued", "queued-before"] {
        let answer = ask(&stack, &body).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let forecast: Value = answer.json().await.unwrap();
        assert_eq!(forecast["sample"], says);
    }
    let operator = Operator::of(&stack);
    let typed = "pesan billing run demo --dry-run --sample-to +6281200000001";
    let typed = operator.does(typed);
    assert!(
        typed.out.contains("went to this number today"),
        "{}",
        typed.out
    );
    stack.idle().await;
    let inbox = stack.inbox("6281200000001").await;
    assert_eq!(inbox.len(), 1, "{inbox:?}");
    let text = &inbox[0];
    for words in [
        "Contoh",
        "November 2026",
        "Rp150.000",
        "Kamis, 10 Desember 2026",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(get(&stack, NOVEMBER).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(stack.count("whatsapp", Some("messages")).await, 1);
}

#[tokio::test]
async fn a_sample_that_cannot_go_is_refused_and_nothing_is_queued() {
    let stack = month_end();
    for (body, says) in [
        (
            json!({"period": "2026-11", "sample_to": "081200000001"}),
            "dry_run",
        ),
        (
            json!({"period": "2026-11", "dry_run": true, "sample_to": "021 555"}),
            "08 and",
        ),
    ] {
        let answer: Value = ask(&stack, &body).await.json().await.unwrap();
        assert_eq!(
            (&answer["status"], &answer["field"]),
            (&json!(400), &json!("sample_to"))
        );
        let detail = answer["detail"].as_str().unwrap();
        assert!(detail.contains(says), "{detail}");
    }
    // The other shop's WhatsApp is not active.
    let body = json!({"period": "2026-11", "dry_run": true, "sample_to": "081200000001"});
    let asked = stack.request(Method::POST, "/v1/billing-runs");
    let asked = asked.bearer_auth("pk_demo2_local").json(&body).send().await;
    let (status, kind, _) = problem(asked.unwrap()).await;
    assert_eq!((status, kind.as_str()), (403, "whatsapp-not-active"));
    let operator = Operator::of(&stack);
    let refused = operator.is_refused("pesan billing run demo --sample-to 081200000001");
    assert!(refused.contains("--dry-run"), "{refused}");
    stack.idle().await;
    assert_eq!(stack.count("whatsapp", Some("messages")).await, 0);
    assert_eq!(get(&stack, NOVEMBER).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn d1_a_run_begun_by_hand_bills_once_and_the_second_reports_the_first() {
    let stack = month_end();
    let operator = Operator::of(&stack);
    let body = json!({"period": "2026-11"});
    let first = ask(&stack, &body).await;
    assert_eq!(first.status(), StatusCode::ACCEPTED);
    assert_eq!(first.headers()["location"], NOVEMBER);
    let first: Value = first.json().await.unwrap();
    assert_eq!(
        (&first["period"], &first["track"], &first["date"]),
        (&json!("2026-11"), &json!("bill"), &Value::Null)
    );
    stack.idle().await;

    let second = ask(&stack, &body).await;
    assert_eq!(second.status(), StatusCode::OK);
    let second: Value = second.json().await.unwrap();
    assert_eq!(second["begun_at"], first["begun_at"]);
    assert_eq!(
        (&second["state"], &second["head"]),
        (&json!("settle"), &json!(SUBSCRIBERS))
    );
    let typed = operator.does("pesan billing run demo --period 2026-11");
    assert!(typed.out.contains("had begun before"), "{}", typed.out);
    stack.idle().await;
    assert_eq!(stack.inbox("62812000001001").await.len(), 1);
    let sent = stack.count("whatsapp", Some("messages")).await;
    assert_eq!(sent, SUBSCRIBERS);

    // The machines look again after a quarter of an hour, find every message taken, and are over.
    stack.advance("20m").await;
    let run = read(&stack, NOVEMBER).await;
    assert_eq!(run["state"], "halt");
    let counts = json!({"U": 0, "C": 0, "N": 0, "K": 0, "A": SUBSCRIBERS, "G": 0, "P": 0});
    assert_eq!(run["counts"], counts);
    assert_eq!(run["ends_at"], Value::Null);
    assert_eq!(
        (&run["early"], &run["came_later"]),
        (&json!(false), &Value::Null)
    );
    let shards = run["shards"].as_array().unwrap();
    assert_eq!(shards.len(), 8);
    let heads: u64 = shards
        .iter()
        .filter_map(|shard| shard["head"].as_u64())
        .sum();
    assert_eq!(heads, 25);
    let shown = operator
        .does("pesan billing show demo --period 2026-11 --json")
        .json();
    assert_eq!(shown, run, "both say the same");
    let shown = operator.does("pesan billing show demo --period 2026-11");
    assert!(shown.out.contains("November 2026"), "{}", shown.out);
}

#[tokio::test]
async fn a_tape_is_read_page_by_page_and_shows_who_has_paid() {
    let stack = month_end();
    let operator = Operator::of(&stack);
    operator.does("pesan billing run demo");
    stack.idle().await;
    operator.does("pesan bills pay demo B-202611-plg-001 --amount 150000 --source cash --by sari");

    // Nobody waits for the machines to look again.
    let run = read(&stack, NOVEMBER).await;
    let counts = json!({"U": 0, "C": 0, "N": 0, "K": 0, "A": SUBSCRIBERS - 1, "G": 0, "P": 1});
    assert_eq!((&run["state"], &run["counts"]), (&json!("settle"), &counts));

    let cells = tape(&stack, TAPE, 4).await;
    assert_eq!(cells.len(), SUBSCRIBERS);
    assert_eq!(cells, tape(&stack, TAPE, 100).await);
    let messages = cells["plg-002"]["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 1);
    let seen = (
        &messages[0]["channel"],
        &messages[0]["state"],
        &messages[0]["reason"],
    );
    assert_eq!(seen, (&json!("whatsapp"), &json!("Read"), &Value::Null));
    let told = ["U→C made:whatsapp", "C→A accepted:whatsapp"];
    let paid = &cells["plg-001"];
    assert_eq!(
        (&paid["symbol"], &paid["bill"]),
        (&json!("P"), &json!("B-202611-plg-001"))
    );
    assert_eq!(trace(paid), [told[0], told[1], "A→P paid"]);
    assert_eq!(cells["plg-002"]["symbol"], "A");
    assert_eq!(trace(&cells["plg-002"]), told);
    let typed = operator.does("pesan billing tape demo --period 2026-11");
    assert!(typed.out.contains("A→P paid"), "{}", typed.out);
    let typed = operator.does("pesan billing tape demo --period 2026-11 --json");
    assert_eq!(typed.json()["cells"].as_array().unwrap().len(), SUBSCRIBERS);

    // A cursor is one run's.
    let next = read(&stack, &format!("{TAPE}?limit=4")).await;
    let cursor = next["next"].as_str().unwrap();
    operator.does("pesan billing run demo --period 2026-10");
    let other = get(&stack, &format!("{RUNS}/2026-10/tape?cursor={cursor}")).await;
    assert_eq!(problem(other).await.1, "invalid-cursor");

    // Who has paid is passed by the reminders; who has not gets one.
    stack.set_clock("2026-12-07T10:00:00+07:00").await;
    stack.idle().await;
    let day = "track=d-3&date=2026-12-07";
    let run = read(&stack, &format!("{NOVEMBER}?{day}")).await;
    assert_eq!(
        (&run["track"], &run["date"]),
        (&json!("d-3"), &json!("2026-12-07"))
    );
    let cells = tape(&stack, &format!("{TAPE}?{day}"), 10).await;
    assert_eq!(cells["plg-001"]["symbol"], "P");
    assert_eq!(cells["plg-002"]["symbol"], "A");
    let typed = operator
        .does("pesan billing show demo --period 2026-11 --track d-3 --date 2026-12-07 --json");
    assert_eq!(typed.json()["track"], "d-3");
}

#[tokio::test]
async fn a_run_is_watched_until_everybody_is_told_or_nothing_moves() {
    let stack = month_end();
    let operator = Operator::of(&stack);
    let watched = operator
        .does("pesan billing run demo --watch --json")
        .json();
    assert_eq!(
        (&watched["begun"], &watched["told"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(stack.count("whatsapp", Some("messages")).await, SUBSCRIBERS);

    let path = "/sandbox/whatsapp-templates/monthly_bill";
    stack.handle(path, &json!({"event": "PAUSED"})).await;
    let held = operator.tries("pesan billing run demo --period 2026-10 --watch --patience 1");
    assert!(!held.is_good, "{held:?}");
    assert!(held.out.contains("nothing moves"), "{held:?}");
    assert!(
        !held.err.contains('['),
        "no bar without a terminal: {held:?}"
    );
    // Both say what somebody must see to.
    assert!(
        held.out
            .contains("Waiting for Meta to approve the template"),
        "{held:?}"
    );
    let run = read(&stack, "/v1/billing-runs/2026-10").await;
    assert_eq!(run["held_up_by"], json!(["template"]));
    let dry = operator
        .does("pesan billing run demo2 --dry-run --json")
        .json();
    assert_eq!(
        dry["held_up_by"],
        json!(["not-active", "template", "balance"])
    );
}

#[tokio::test]
async fn which_month_is_meant_must_be_said_but_on_a_months_last_day() {
    let stack = Stack::start_with(&Setup {
        clock: Some("2026-12-01T10:00:00+07:00".to_owned()),
        ..Setup::default()
    });
    let operator = Operator::of(&stack);
    let refused = operator.is_refused("pesan billing run demo");
    assert!(refused.contains("--period 2026-11"), "{refused}");
    assert!(refused.contains("--period 2026-12"), "{refused}");
    operator.does("pesan billing run demo --dry-run");
    operator.does("pesan billing run demo --period 2026-11");
}

#[tokio::test]
async fn a_run_begun_early_says_so_and_who_came_after_it_is_found_at_the_months_end() {
    let stack = Stack::start_with(&Setup {
        clock: Some("2026-11-05T10:00:00+07:00".to_owned()),
        ..Setup::default()
    });
    let operator = Operator::of(&stack);
    let dry = operator.does("pesan billing run demo --dry-run");
    assert!(dry.out.contains("30 November 2026"), "{}", dry.out);
    let begun = ask(&stack, &json!({"period": "2026-11"})).await;
    assert_eq!(begun.status(), StatusCode::ACCEPTED);
    let begun: Value = begun.json().await.unwrap();
    assert_eq!(begun["early"], true);
    stack.idle().await;
    operator.file(
        "list.csv",
        "id,name,phone,plan\nbaru-1,Andi,+6281300000001,dasar\n",
    );
    stack.advance("24h").await;
    operator.does("pesan subscribers import demo list.csv");
    stack.set_clock("2026-11-30T10:00:00+07:00").await;
    stack.idle().await;
    assert_eq!(stack.alarms().await, ["subscribers not billed"]);
    let run = read(&stack, NOVEMBER).await;
    assert_eq!((&run["came_later"], &run["head"]), (&json!(1), &json!(25)));
    let shown = operator.does("pesan billing show demo --period 2026-11");
    assert!(shown.out.contains("came later  1"), "{}", shown.out);
    let dry = ask(&stack, &json!({"period": "2026-11", "dry_run": true})).await;
    let dry: Value = dry.json().await.unwrap();
    assert_eq!((&dry["done"], &dry["came_later"]), (&json!(25), &json!(1)));

    // Another month, which is meant.
    let old = json!({"period": "2026-09", "old": true});
    assert_eq!(ask(&stack, &old).await.status(), StatusCode::ACCEPTED);
    let resumed = operator.does("pesan billing resume demo --period 2026-11");
    assert!(resumed.out.contains("nothing stands still"), "{resumed:?}");
}

#[tokio::test]
async fn what_names_no_run_is_refused_by_name() {
    let stack = month_end();
    for (path, expected) in [
        ("/2026-13", (400, "invalid-field", json!("period"))),
        ("/2026-1", (400, "invalid-field", json!("period"))),
        ("/202611/tape", (400, "invalid-field", json!("period"))),
        ("/2026-11", (404, "not-found", Value::Null)),
        ("/2026-11/tape", (404, "not-found", Value::Null)),
        ("/2026-11?track=d3", (400, "invalid-field", json!("track"))),
        ("/2026-11?track=d-3", (400, "invalid-field", json!("date"))),
        (
            "/2026-11?date=2026-12-07",
            (400, "invalid-field", json!("date")),
        ),
        (
            "/2026-11?track=d%2B7&date=17-12-2026",
            (400, "invalid-field", json!("date")),
        ),
        (
            "/2026-11?track=d+7&date=2026-12-17",
            (404, "not-found", Value::Null),
        ),
        ("/2026-11?when=now", (400, "unknown-field", json!("when"))),
        (
            "/2026-11/tape?limit=101",
            (400, "invalid-field", json!("limit")),
        ),
    ] {
        let (status, kind, field) = problem(get(&stack, &format!("{RUNS}{path}")).await).await;
        assert_eq!((status, kind.as_str(), field), expected, "{path}");
    }
    for (body, expected) in [
        (
            json!({"period": "November"}),
            (400, "invalid-field", json!("period")),
        ),
        (
            json!({"dry_run": true}),
            (400, "invalid-field", json!("period")),
        ),
        (
            json!({"period": "2026-12"}),
            (409, "conflict", json!("period")),
        ),
        (
            json!({"period": "2026-09", "dry_run": true}),
            (409, "conflict", json!("period")),
        ),
        (
            json!({"period": "2026-11", "old": "yes"}),
            (400, "invalid-field", json!("old")),
        ),
        (
            json!({"period": "2026-11", "dry_run": "yes"}),
            (400, "invalid-field", json!("dry_run")),
        ),
        (
            json!({"period": "2026-11", "track": "d0"}),
            (400, "unknown-field", json!("track")),
        ),
    ] {
        let (status, kind, field) = problem(ask(&stack, &body).await).await;
        assert_eq!((status, kind.as_str(), field), expected, "{body}");
    }
    let operator = Operator::of(&stack);
    for (line, words) in [
        ("pesan billing run demo --period 2026-13", "2026-11"),
        ("pesan billing run demo --period 2026-12", "has not begun"),
        ("pesan billing run demo --period 2025-11", "--old"),
        (
            "pesan billing resume demo --period 2026-11",
            "has not begun",
        ),
        ("pesan billing show demo --period 2026-11", "has not begun"),
        (
            "pesan billing show demo --period 2026-11 --track d0",
            "--date",
        ),
        (
            "pesan billing tape demo --period 2026-11 --date 2026-12-10",
            "--track",
        ),
    ] {
        let refused = operator.is_refused(line);
        assert!(refused.contains(words), "{line}: {refused}");
    }
}

#[tokio::test]
async fn h1_a_run_and_the_balance_are_their_merchants_and_need_their_scope() {
    let stack = month_end();
    let operator = Operator::of(&stack);
    let token = |scope: &str| {
        let line = format!("pesan key add demo --name books --scopes {scope} --json");
        let token = operator.does(&line).json()["key"]
            .as_str()
            .unwrap()
            .to_owned();
        stack.keep_private(&token);
        token
    };
    let (reads, balance) = (token("billing:read"), token("balance:read"));
    ask(&stack, &json!({"period": "2026-11"})).await;
    stack.idle().await;
    for (method, path, key, expected) in [
        (Method::GET, NOVEMBER, reads.as_str(), 200),
        (Method::GET, TAPE, &reads, 200),
        (Method::POST, RUNS, &reads, 403),
        (Method::GET, NOVEMBER, &balance, 403),
        (Method::GET, "/v1/balance", &balance, 200),
        (Method::GET, "/v1/balance", &reads, 403),
        (Method::GET, NOVEMBER, "pk_demo2_local", 404),
        (Method::GET, TAPE, "pk_demo2_local", 404),
    ] {
        let request = stack.request(method.clone(), path).bearer_auth(key);
        let request = if method == Method::POST {
            request.json(&json!({"period": "2026-11"}))
        } else {
            request
        };
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), expected, "{method} {path}");
    }
    let balance = read(&stack, "/v1/balance").await;
    let spent = u64::try_from(SUBSCRIBERS).unwrap() * 367;
    assert_eq!(balance["available"].as_u64().unwrap() + spent, 36_700);
    assert_eq!(
        balance["reserved"].as_u64().unwrap() + balance["spent"].as_u64().unwrap(),
        spent
    );
}
