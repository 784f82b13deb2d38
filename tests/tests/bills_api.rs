//! Bills over the API: shown, listed, paid past Midtrans, given back and called off.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

use std::collections::BTreeSet;

use pesan_tests::bill::Debtor;
use pesan_tests::{API_KEY, Stack};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

const FEE: u64 = 150_000;

async fn get(stack: &Stack, path: &str) -> Response {
    let request = stack.request(Method::GET, path).bearer_auth(API_KEY);
    request.send().await.unwrap()
}

async fn read(stack: &Stack, path: &str) -> Value {
    let answer = get(stack, path).await;
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    answer.json().await.unwrap()
}

async fn post(stack: &Stack, path: &str, name: Option<&str>, body: &Value) -> Response {
    let mut request = stack.request(Method::POST, path).bearer_auth(API_KEY);
    if let Some(name) = name {
        request = request.header("Idempotency-Key", name);
    }
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

/// A bill's number, state, and what remains.
fn stands(bill: &Value) -> (&str, &str, u64) {
    let text = |name: &str| bill[name].as_str().unwrap();
    let remaining = bill["remaining"].as_u64().unwrap();
    (text("number"), text("state"), remaining)
}

fn cash(amount: u64) -> Value {
    json!({"amount": amount, "source": "cash", "by": "sari"})
}

/// The numbers of all bills of a list, page by page.
async fn numbers(stack: &Stack, query: &str, limit: usize) -> Vec<String> {
    let (mut numbers, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = read(stack, &format!("/v1/bills?{query}&limit={limit}{cursor}")).await;
        let bills = page["bills"].as_array().unwrap();
        assert!(bills.len() <= limit, "{page}");
        numbers.extend(bills.iter().map(|bill| stands(bill).0.to_owned()));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return numbers,
        }
    }
}

#[tokio::test]
async fn a_bill_says_what_is_asked_for_what_came_and_where_it_is_paid() {
    let debtor = Debtor::billed().await;
    let (stack, number) = (&debtor.stack, debtor.bill.as_str());
    let path = format!("/v1/bills/{number}");
    let shown = read(stack, &path).await;
    assert_eq!(stands(&shown), (number, "Owed", FEE));
    assert_eq!(shown["page"], debtor.link.as_str());
    assert_eq!(
        (&shown["subscriber"], &shown["period"], &shown["due"]),
        (&json!("plg-001"), &json!("2026-11"), &json!("2026-12-10"))
    );
    assert_eq!(shown["lines"][0]["amount"], FEE);
    assert_eq!(shown["symbols"]["bill"], "A", "{shown}");
    assert_eq!(
        (&shown["payments"], &shown["voided"], &shown["paid_at"]),
        (&json!([]), &Value::Null, &Value::Null)
    );

    stack.click_pay(&debtor.link).await;
    let pay = json!({"do": "pay", "method": "qris"});
    stack.bank(number, pay).await;
    let paid = read(stack, &path).await;
    assert_eq!(stands(&paid), (number, "Paid", 0));
    let came = &paid["payments"][0];
    assert_eq!(
        (&came["source"], &came["order"], &came["by"]),
        (&json!("online"), &json!(number), &Value::Null)
    );
    assert_eq!(paid["symbols"]["bill"], "P");
    assert!(paid["paid_at"].is_string());

    for (path, key) in [
        (path.as_str(), "pk_demo2_local"),
        ("/v1/bills/B-202611-nobody", API_KEY),
        ("/v1/bills/B-202612-plg-001", API_KEY),
        ("/v1/bills/plg-001", API_KEY),
        ("/v1/bills/B-202613-plg-001", API_KEY),
    ] {
        let request = stack.request(Method::GET, path).bearer_auth(key);
        let answer = request.send().await.unwrap();
        let (status, kind, _) = problem(answer).await;
        assert_eq!((status, kind.as_str()), (404, "not-found"), "{path}");
    }
}

#[tokio::test]
async fn bills_are_listed_by_month_or_by_subscriber_page_by_page() {
    let debtor = Debtor::billed().await;
    let stack = &debtor.stack;
    let october = json!({"period": "2026-10"});
    let begun = post(stack, "/v1/billing-runs", None, &october).await;
    assert_eq!(begun.status(), StatusCode::ACCEPTED);
    stack.idle().await;

    let of_november = numbers(stack, "period=2026-11", 7).await;
    let each: BTreeSet<&String> = of_november.iter().collect();
    assert_eq!((of_november.len(), each.len()), (25, 25));
    assert!(each.iter().all(|number| number.starts_with("B-202611-")));
    assert_eq!(numbers(stack, "period=2026-09", 7).await, [""; 0]);

    let both = ["B-202611-plg-001", "B-202610-plg-001"];
    assert_eq!(numbers(stack, "subscriber=plg-001", 1).await, both);
    assert_eq!(numbers(stack, "subscriber=plg-001", 50).await, both);
    assert_eq!(numbers(stack, "subscriber=nobody", 50).await, [""; 0]);
    // Who left still owes.
    let path = "/v1/subscribers/plg-001";
    let gone = stack.request(Method::DELETE, path).bearer_auth(API_KEY);
    assert_eq!(gone.send().await.unwrap().status(), 204);
    assert_eq!(numbers(stack, "subscriber=plg-001", 50).await, both);

    let other = stack.request(Method::GET, "/v1/bills?subscriber=plg-001");
    let other = other.bearer_auth("pk_demo2_local").send().await.unwrap();
    let other: Value = other.json().await.unwrap();
    assert_eq!(other, json!({"bills": [], "next": null}));
    assert_eq!(stack.count("dynamodb", Some("Scan")).await, 0);

    let first = read(stack, "/v1/bills?period=2026-11&limit=1").await;
    let next = first["next"].as_str().unwrap();
    for (query, field) in [
        ("", "period"),
        ("?period=2026-13", "period"),
        ("?subscriber=PLG", "subscriber"),
        ("?subscriber=plg-001&period=2026-11", "subscriber"),
        (&format!("?period=2026-10&cursor={next}"), "cursor"),
        (&format!("?subscriber=plg-001&cursor={next}"), "cursor"),
        ("?period=2026-11&limit=0", "limit"),
        ("?period=2026-11&state=Paid", "state"),
    ] {
        let answer = get(stack, &format!("/v1/bills{query}")).await;
        let (status, _, at) = problem(answer).await;
        assert_eq!((status, at), (400, json!(field)), "{query}");
    }
}

#[tokio::test]
async fn money_past_midtrans_is_recorded_given_back_and_bounded_by_the_bill() {
    let debtor = Debtor::billed().await;
    let (stack, number) = (&debtor.stack, debtor.bill.as_str());
    let payments = format!("/v1/bills/{number}/payments");
    let refunds = format!("/v1/bills/{number}/refunds");
    let part = post(stack, &payments, Some("slip-1"), &cash(50_000)).await;
    assert_eq!(part.status(), StatusCode::CREATED);
    let part: Value = part.json().await.unwrap();
    assert_eq!(stands(&part), (number, "Owed", 100_000));
    let came = &part["payments"][0];
    assert_eq!(
        (&came["amount"], &came["source"], &came["by"]),
        (&json!(50_000), &json!("cash"), &json!("sari"))
    );
    assert_eq!(part["page"], Value::Null);
    let again = post(stack, &payments, Some("slip-1"), &cash(50_000)).await;
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(again.json::<Value>().await.unwrap(), part);
    // What opens its page is in no row, the kept answer's neither.
    let token = debtor.link.rsplit('/').next().unwrap();
    for row in stack.rows().await {
        assert!(!row.to_string().contains(token), "{row}");
    }

    let (status, kind, field) = problem(post(stack, &payments, None, &cash(100_001)).await).await;
    assert_eq!((status, kind.as_str()), (409, "conflict"));
    assert_eq!(field, "amount");
    let void = format!("/v1/bills/{number}/void");
    let off = json!({"reason": "moved away", "by": "sari"});
    assert_eq!(problem(post(stack, &void, None, &off).await).await.0, 409);

    // A reference is taken once, whatever the request is named.
    let mut slip = cash(10_000);
    slip["reference"] = json!("TRX-1182");
    let taken = post(stack, &payments, Some("slip-3"), &slip).await;
    let taken: Value = taken.json().await.unwrap();
    assert_eq!(taken["payments"][1]["reference"], "TRX-1182");
    let again = problem(post(stack, &payments, Some("slip-4"), &slip).await).await;
    assert_eq!(again, (409, "conflict".to_owned(), json!("reference")));

    let rest = json!({"amount": 90_000, "source": "transfer", "by": "sari"});
    let paid = post(stack, &payments, Some("slip-2"), &rest).await;
    let paid: Value = paid.json().await.unwrap();
    assert_eq!(stands(&paid), (number, "Paid", 0));
    assert_eq!(
        (&paid["symbols"]["bill"], &paid["symbols"]["d-3"]),
        (&json!("P"), &json!("P"))
    );
    let (status, kind, _) = problem(post(stack, &payments, None, &cash(1)).await).await;
    assert_eq!((status, kind.as_str()), (409, "conflict"));

    let back = json!({"amount": 150_000, "reason": "paid twice", "by": "sari"});
    let back = post(stack, &refunds, Some("back"), &back).await;
    assert_eq!(back.status(), StatusCode::CREATED);
    let back: Value = back.json().await.unwrap();
    assert_eq!(stands(&back), (number, "Refunded", 0));
    assert_eq!(back["refunds"][0]["reason"], "paid twice");
    assert_eq!(debtor.shown()["refunds"][0]["amount"], 150_000);
}

#[tokio::test]
async fn a_bill_is_called_off_once_and_asks_nobody_any_more() {
    let debtor = Debtor::billed().await;
    let (stack, number) = (&debtor.stack, debtor.bill.as_str());
    let void = format!("/v1/bills/{number}/void");
    let off = json!({"reason": "moved away", "by": "sari"});
    let voided = post(stack, &void, None, &off).await;
    assert_eq!(voided.status(), StatusCode::OK);
    let voided: Value = voided.json().await.unwrap();
    assert_eq!(stands(&voided), (number, "Voided", 0));
    assert_eq!(voided["voided"]["reason"], "moved away");
    assert_eq!(debtor.symbols(), "KUUUU");
    let (status, kind, _) = problem(post(stack, &void, None, &off).await).await;
    assert_eq!((status, kind.as_str()), (409, "conflict"));
}

#[tokio::test]
async fn i1_what_is_recorded_of_a_bill_is_refused_by_field() {
    let debtor = Debtor::billed().await;
    let stack = &debtor.stack;
    let valid = [
        ("payments", cash(1_000)),
        (
            "refunds",
            json!({"amount": 1_000, "reason": "a", "by": "sari"}),
        ),
        ("void", json!({"reason": "a", "by": "sari"})),
    ];
    for (end, body) in &valid {
        let path = format!("/v1/bills/{}/{end}", debtor.bill);
        for (name, value) in body.as_object().unwrap() {
            let bad = match value {
                Value::Number(_) => json!([null, "1000", 0, -1, 1.5, 1_000_000_000]),
                _ => json!([null, 1, "", " a", "a\nb", "x".repeat(201)]),
            };
            for bad in bad.as_array().unwrap() {
                let mut body = body.clone();
                body[name] = bad.clone();
                let (status, kind, field) = problem(post(stack, &path, None, &body).await).await;
                assert_eq!(
                    (status, kind.as_str()),
                    (400, "invalid-field"),
                    "{end} {body}"
                );
                assert_eq!(field, name.as_str(), "{end} {body}");
            }
            let mut body = body.clone();
            body.as_object_mut().unwrap().remove(name);
            let (status, _, field) = problem(post(stack, &path, None, &body).await).await;
            assert_eq!((status, field), (400, json!(name)));
        }
        let mut more = body.clone();
        more["merchant"] = json!("demo2");
        let (_, kind, field) = problem(post(stack, &path, None, &more).await).await;
        assert_eq!((kind.as_str(), field), ("unknown-field", json!("merchant")));
        for (number, key) in [
            (debtor.bill.as_str(), "pk_demo2_local"),
            ("B-202611-nobody", API_KEY),
            ("x", API_KEY),
        ] {
            let path = format!("/v1/bills/{number}/{end}");
            let request = stack.request(Method::POST, &path).bearer_auth(key);
            let answer = request.json(&body).send().await.unwrap();
            assert_eq!(problem(answer).await.0, 404, "{path}");
        }
    }
    let shown = read(stack, &format!("/v1/bills/{}", debtor.bill)).await;
    assert_eq!(stands(&shown), (debtor.bill.as_str(), "Owed", FEE));
}

/// Of the puts of a request under an `Idempotency-Key`, the first claims it and the next is its own.
#[tokio::test]
async fn b16_money_is_recorded_once_where_the_table_s_answers_are_lost() {
    let debtor = Debtor::billed().await;
    let (stack, number) = (&debtor.stack, debtor.bill.as_str());
    let path = format!("/v1/bills/{number}");
    // The first request of a key writes what it may do, too.
    read(stack, &path).await;
    let back = json!({"amount": 20_000, "reason": "paid twice", "by": "sari"});
    let other = json!({"reason": "moved away", "by": "sari"});
    let steps = [
        (number, "payments", cash(50_000), 201),
        (number, "refunds", back, 201),
        ("B-202611-plg-002", "void", other, 200),
    ];
    for (number, end, body, expected) in steps {
        let lost = json!({
            "at": "dynamodb", "op": "PutItem", "fault": "timeout_after", "skip": 1, "times": 3,
        });
        stack.fault(lost).await;
        let path = format!("/v1/bills/{number}/{end}");
        let mut answer = post(stack, &path, Some(end), &body).await;
        if answer.status() == 503 {
            answer = post(stack, &path, Some(end), &body).await;
        }
        assert_eq!(answer.status(), expected, "{end}");
        stack.end_faults().await;
    }
    let shown = read(stack, &path).await;
    assert_eq!(shown["payments"].as_array().unwrap().len(), 1, "{shown}");
    assert_eq!(shown["refunds"].as_array().unwrap().len(), 1, "{shown}");
    assert_eq!(stands(&shown), (number, "Owed", 120_000));
    // A request that a fault kept from writing, and that others overtook, is no other's.
    let first = json!({"at": "dynamodb", "op": "PutItem", "fault": "timeout_before", "skip": 1, "times": 3});
    stack.fault(first).await;
    let (payments, part) = (format!("{path}/payments"), cash(10_000));
    let failed = post(stack, &payments, Some("one"), &part).await;
    assert_eq!(failed.status(), 503);
    stack.end_faults().await;
    for name in ["two", "one", "one"] {
        let answer = post(stack, &payments, Some(name), &part).await;
        assert_eq!(answer.status(), 201, "{name}");
    }
    assert_eq!(stands(&read(stack, &path).await), (number, "Owed", 100_000));
    // Another request of the same is another payment.
    let lost = json!({"at": "dynamodb", "op": "PutItem", "fault": "timeout_after", "skip": 1});
    stack.fault(lost).await;
    let more = post(
        stack,
        &format!("{path}/payments"),
        Some("more"),
        &cash(50_000),
    )
    .await;
    let more: Value = more.json().await.unwrap();
    assert_eq!(stands(&more), (number, "Owed", 50_000));
}

#[tokio::test]
async fn a_subscriber_s_telegram_link_leads_their_bills_to_the_chat_and_is_kept_nowhere() {
    let stack = Stack::start();
    let path = "/v1/subscribers/plg-001/telegram-link";
    let ask = || async {
        let answer = post(&stack, path, Some("k"), &Value::Null).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let answer: Value = answer.json().await.unwrap();
        answer["link"].as_str().unwrap().to_owned()
    };
    let link = ask().await;
    let (_, payload) = link.split_once("?start=").unwrap();
    stack.keep_private(payload);
    assert_eq!(ask().await, link, "until it was followed");
    for row in stack.rows().await {
        assert!(!row.to_string().contains(payload), "{row}");
    }
    stack.customer(1).say(&format!("/start {payload}")).await;
    let shown = read(&stack, "/v1/subscribers/plg-001").await;
    assert_eq!(shown["telegram_chat"], 1);
    assert_ne!(ask().await, link, "it was followed");
    for (path, key) in [
        ("/v1/subscribers/nobody/telegram-link", API_KEY),
        (path, "pk_demo2_local"),
    ] {
        let request = stack.request(Method::POST, path).bearer_auth(key);
        let status = request.send().await.unwrap().status();
        assert_eq!(status, 404, "{path}");
    }
}
