//! The REST API's ground: keys, scopes, problems, limits, and the same request again.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

use pesan_tests::operator::Operator;
use pesan_tests::{API_KEY, Setup, Stack};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

/// A request of a key's holder.
fn asks(stack: &Stack, method: Method, path: &str, key: &str) -> RequestBuilder {
    stack.request(method, path).bearer_auth(key)
}

async fn get(stack: &Stack, path: &str) -> Response {
    asks(stack, Method::GET, path, API_KEY)
        .send()
        .await
        .unwrap()
}

async fn post(stack: &Stack, path: &str, body: &Value) -> Response {
    let request = asks(stack, Method::POST, path, API_KEY).json(body);
    request.send().await.unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers()[name].to_str().unwrap()
}

/// The problem that was answered, held to what every problem is.
async fn problem(stack: &Stack, response: Response) -> Value {
    let status = response.status();
    assert_eq!(
        header(&response, "content-type"),
        "application/problem+json"
    );
    let id = header(&response, "x-request-id").to_owned();
    let problem: Value = response.json().await.unwrap();
    assert_eq!(problem["request_id"], id.as_str());
    assert_eq!(problem["status"], status.as_u16());
    let kind = problem["type"].as_str().unwrap();
    let (page, html) = stack
        .get(kind.strip_prefix(stack.base_url()).unwrap())
        .await;
    assert_eq!(page, 200, "{kind} leads nowhere");
    let title = problem["title"].as_str().unwrap().replace('\'', "&#39;");
    assert!(html.contains(&title), "{title}");
    problem
}

/// The kind of the problem that was answered, with the field at fault.
async fn kind(stack: &Stack, response: Response) -> (String, Value) {
    let problem = problem(stack, response).await;
    let kind = problem["type"]
        .as_str()
        .unwrap()
        .rsplit('/')
        .next()
        .unwrap();
    (kind.to_owned(), problem["field"].clone())
}

fn plan(id: &str) -> Value {
    json!({"id": id, "name": "Paket Dasar", "monthly_fee": 150_000})
}

/// A key that the operator makes.
fn key(operator: &Operator, scopes: &str, more: &str) -> Value {
    let line = format!("pesan key add demo --name till --scopes {scopes} {more} --json");
    operator.does(&line).json()
}

#[tokio::test]
async fn a_key_is_shown_once_and_opens_until_a_minute_after_it_is_revoked() {
    let stack = Stack::start();
    let operator = Operator::of(&stack);
    let made = key(&operator, "billing:read", "");
    let token = made["key"].as_str().unwrap();
    let id = made["id"].as_str().unwrap();
    stack.keep_private(token);
    assert!(token.starts_with("pk_") && token.len() == 46, "{token}");

    let current = || async {
        let request = asks(&stack, Method::GET, "/v1/keys/current", token);
        request.send().await.unwrap()
    };
    let shown: Value = current().await.json().await.unwrap();
    assert_eq!(
        (&shown["id"], &shown["merchant"], &shown["scopes"]),
        (&json!(id), &json!("demo"), &json!(["billing:read"]))
    );
    let list = operator.does("pesan key list demo");
    assert!(list.out.contains(id) && !list.out.contains(token));
    for row in stack.rows().await {
        assert!(!row.to_string().contains(token), "{row}");
    }

    operator.does(&format!("pesan key revoke demo {id}"));
    operator.does(&format!("pesan key revoke demo {id}"));
    stack.advance("61s").await;
    assert_eq!(kind(&stack, current().await).await.0, "unauthorized");
    let refused = operator.is_refused("pesan key revoke demo2 aaaaaaaaaaaa");
    assert!(refused.contains("pesan key list demo2"), "{refused}");
}

#[tokio::test]
async fn the_two_kinds_of_keys_are_told_apart_in_the_help() {
    let stack = Stack::start();
    let operator = Operator::of(&stack);
    let (key, keys) = (
        operator.does("pesan key --help").out,
        operator.does("pesan keys --help").out,
    );
    assert!(key.contains("REST API") && key.contains("pesan keys create"));
    assert!(keys.contains("deployment") && keys.contains("pesan key add"));
    let refused = operator.is_refused("pesan key add demo --name x --scopes billing");
    assert!(refused.contains("billing:read"), "{refused}");
    let refused = operator.is_refused("pesan key add demo --name x --scopes billing:read --rate 0");
    assert!(refused.contains("rate"), "{refused}");
}

#[tokio::test]
async fn a22_who_shows_no_key_is_told_so_and_costs_at_most_one_read() {
    let stack = Stack::start();
    let current = "/v1/keys/current";
    let bare = stack.request(Method::GET, current).send().await.unwrap();
    assert_eq!(bare.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(header(&bare, "www-authenticate"), "Bearer realm=\"pesan\"");
    for (authorization, most) in [
        ("", 0),
        ("Bearer", 0),
        ("Bearer ", 0),
        ("Basic cGtfZGVtb19sb2NhbDo=", 0),
        ("Bearer demo-telegram-secret", 0),
        ("Bearer pk_demo local", 0),
        ("Bearer pk_demo_loca", 1),
        ("Bearer pk_demo_locaL", 1),
        ("Bearer pk_demo_local_", 1),
    ] {
        let before = stack.count("dynamodb", None).await;
        let request = stack.request(Method::GET, current);
        let request = request.header("Authorization", authorization);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 401, "{authorization}");
        assert!(header(&response, "www-authenticate").starts_with("Bearer"));
        let cost = stack.count("dynamodb", None).await - before;
        assert!(cost <= most, "{authorization} cost {cost}");
    }
    // Sent twice, it is not known which one is meant.
    let twice = asks(&stack, Method::GET, current, API_KEY).header("Authorization", "Bearer pk_x");
    assert_eq!(twice.send().await.unwrap().status(), 401);
    let lower = stack.request(Method::GET, current);
    let lower = lower.header("Authorization", format!("bearer {API_KEY}"));
    assert_eq!(lower.send().await.unwrap().status(), 200);
}

/// Every operation of the description: method, path with something in the place of ids, scope.
async fn operations(stack: &Stack) -> Vec<(Method, String, Option<String>)> {
    let document = stack.get_json("/v1/openapi.json").await;
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let scope = operation["security"][0]["key"].as_array();
            let method = method.to_uppercase().parse().unwrap();
            let path = path.replace("{id}", "x").replace("{name}", "not-found");
            let scope = scope.map(|all| all.first().map_or("", |one| one.as_str().unwrap()));
            found.push((method, path, scope.map(str::to_owned)));
        }
    }
    assert!(found.len() > 12, "{found:?}");
    found
}

#[tokio::test]
async fn every_operation_needs_the_scope_that_it_says_and_no_other_key_opens_it() {
    let stack = Stack::start();
    let operator = Operator::of(&stack);
    let mut keys = Vec::new();
    for scope in ["billing:read", "billing:write", "messages:read"] {
        let token = key(&operator, scope, "")["key"]
            .as_str()
            .unwrap()
            .to_owned();
        stack.keep_private(&token);
        keys.push((scope, token));
    }
    for (method, path, needed) in operations(&stack).await {
        let bare = stack.request(method.clone(), &path).send().await.unwrap();
        let Some(needed) = needed else {
            assert_eq!(bare.status(), 200, "{method} {path}");
            continue;
        };
        assert_eq!(bare.status(), 401, "{method} {path}");
        for (scope, token) in &keys {
            let answer = asks(&stack, method.clone(), &path, token);
            let answer = answer.send().await.unwrap();
            let expected = needed.is_empty() || needed == *scope;
            assert_eq!(
                answer.status() != 403,
                expected,
                "{method} {path} with {scope}"
            );
            if !expected {
                let challenge = header(&answer, "www-authenticate");
                assert!(
                    challenge.contains(&format!("scope=\"{needed}\"")),
                    "{challenge}"
                );
                assert_eq!(kind(&stack, answer).await.0, "insufficient-scope");
            }
        }
    }
}

#[tokio::test]
async fn each_problem_says_what_is_wrong_and_what_to_do() {
    let stack = Stack::start();
    let said = |problem: &Value| {
        let problem = problem.to_string().replace(stack.base_url(), "");
        let id = problem.split_once("\"request_id\":\"").unwrap().1;
        problem.replace(id.split('"').next().unwrap(), "ID")
    };
    let nowhere = get(&stack, "/v1/nowhere").await;
    assert_eq!(nowhere.status(), 404);
    insta::assert_snapshot!(said(&problem(&stack, nowhere).await), @r#"{"detail":"there is nothing here: check the path against /v1/docs, and the id in it","request_id":"ID","status":404,"title":"There is nothing at this address","type":"/v1/problems/not-found"}"#);
    let put = asks(&stack, Method::PUT, "/v1/plans", API_KEY);
    let put = put.send().await.unwrap();
    assert_eq!(
        (put.status().as_u16(), header(&put, "allow")),
        (405, "GET,HEAD,POST")
    );
    insta::assert_snapshot!(said(&problem(&stack, put).await), @r#"{"detail":"this path does not take the method: the Allow header lists those it takes","request_id":"ID","status":405,"title":"The path does not take this method","type":"/v1/problems/method-not-allowed"}"#);
    let field = post(
        &stack,
        "/v1/plans",
        &json!({"id": "a", "name": " a", "monthly_fee": 1}),
    )
    .await;
    insta::assert_snapshot!(said(&problem(&stack, field).await), @r#"{"detail":"name: begins or ends with a blank","field":"name","request_id":"ID","status":400,"title":"A field cannot be taken","type":"/v1/problems/invalid-field"}"#);
    let unknown = stack
        .request(Method::GET, "/v1/plans")
        .send()
        .await
        .unwrap();
    insta::assert_snapshot!(said(&problem(&stack, unknown).await), @r#"{"detail":"there is no key: send `Authorization: Bearer pk_…`, once","request_id":"ID","status":401,"title":"The request carries no key that opens anything","type":"/v1/problems/unauthorized"}"#);
}

#[tokio::test]
async fn a19_a20_other_types_and_larger_bodies_are_refused() {
    let stack = Stack::start();
    let plans = |body: String| asks(&stack, Method::POST, "/v1/plans", API_KEY).body(body);
    let text = plan("emas").to_string();
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonp",
    ] {
        let request = plans(text.clone()).header("Content-Type", content_type);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 415, "{content_type}");
        assert_eq!(kind(&stack, response).await.1, "Content-Type");
    }
    let bare = plans(text.clone()).send().await.unwrap();
    assert_eq!(bare.status(), 415);
    let json = "application/json; charset=utf-8";
    let padded = format!("{text}{}", " ".repeat(256 * 1024 - text.len()));
    let taken = plans(padded.clone()).header("Content-Type", json).send();
    assert_eq!(taken.await.unwrap().status(), 201);
    let larger = plans(padded + " ")
        .header("Content-Type", json)
        .send()
        .await
        .unwrap();
    assert_eq!(
        (
            larger.status().as_u16(),
            kind(&stack, larger).await.0.as_str()
        ),
        (413, "too-large")
    );
    let much = plans(" ".repeat(5 << 20))
        .header("Content-Type", json)
        .send()
        .await
        .unwrap();
    assert_eq!(much.status(), 413);
}

#[tokio::test]
async fn i1_malformed_bodies_are_400_and_named() {
    let stack = Stack::start();
    let deep = format!("{{\"id\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let utf16: Vec<u8> = plan("a")
        .to_string()
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    for (body, field) in [
        (b"".to_vec(), Value::Null),
        (b"{".to_vec(), Value::Null),
        (b"[]".to_vec(), Value::Null),
        (b"null".to_vec(), Value::Null),
        (b"\xff\xfe".to_vec(), Value::Null),
        (utf16, Value::Null),
        (deep.into_bytes(), Value::Null),
        (format!("\u{feff}{}", plan("a")).into_bytes(), Value::Null),
        (
            br#"{"id":"a","id":"b","name":"a","monthly_fee":1}"#.to_vec(),
            json!("id"),
        ),
        (
            br#"{"id":"\ud800","name":"a","monthly_fee":1}"#.to_vec(),
            Value::Null,
        ),
        (
            br#"{"id":"a","name":"a","monthly_fee":NaN}"#.to_vec(),
            Value::Null,
        ),
        (
            br#"{"id":"a","name":"a","monthly_fee":-1}"#.to_vec(),
            json!("monthly_fee"),
        ),
        (
            br#"{"id":"a","name":"a","monthly_fee":1.5}"#.to_vec(),
            json!("monthly_fee"),
        ),
        (
            br#"{"id":"a","name":"a","monthly_fee":"150000"}"#.to_vec(),
            json!("monthly_fee"),
        ),
        (
            br#"{"id":"a","name":"a","monthly_fee":1e400}"#.to_vec(),
            Value::Null,
        ),
        (
            br#"{"id":"a","name":null,"monthly_fee":1}"#.to_vec(),
            json!("name"),
        ),
        (br#"{"id":"a","monthly_fee":1}"#.to_vec(), json!("name")),
    ] {
        let request = asks(&stack, Method::POST, "/v1/plans", API_KEY);
        let request = request
            .header("Content-Type", "application/json")
            .body(body.clone());
        let response = request.send().await.unwrap();
        let shown = String::from_utf8_lossy(&body)
            .chars()
            .take(60)
            .collect::<String>();
        assert_eq!(response.status(), 400, "{shown}");
        assert_eq!(kind(&stack, response).await.1, field, "{shown}");
    }
    let plans: Value = get(&stack, "/v1/plans").await.json().await.unwrap();
    assert_eq!(plans["plans"].as_array().unwrap().len(), 1, "{plans}");
}

#[tokio::test]
async fn h10_what_callers_may_not_set_is_refused_by_name() {
    let stack = Stack::start();
    let person = json!({"name": "Siti", "phone": "081200000042", "plan": "dasar"});
    let with = |field: &str| {
        let mut body = person.clone();
        body[field] = json!(1);
        body
    };
    for field in [
        "merchant",
        "merchant_id",
        "version",
        "created_at",
        "made_at",
        "PK",
        "balance",
    ] {
        let response = post(&stack, "/v1/subscribers", &with(field)).await;
        assert_eq!(
            kind(&stack, response).await,
            ("unknown-field".to_owned(), json!(field))
        );
    }
    for (path, field) in [
        ("/v1/plans?merchant=demo2", "merchant"),
        ("/v1/plans?Limit=1", "Limit"),
    ] {
        let response = get(&stack, path).await;
        assert_eq!(
            kind(&stack, response).await,
            ("unknown-field".to_owned(), json!(field))
        );
    }
    let nested = json!({"consent": {"at": "2026-11-20T03:00:00Z", "source": "form", "by": "me"}});
    let made = post(&stack, "/v1/subscribers", &person).await;
    let made: Value = made.json().await.unwrap();
    let path = format!("/v1/subscribers/{}", made["id"].as_str().unwrap());
    let change = asks(&stack, Method::PATCH, &path, API_KEY).json(&nested);
    let (kind, field) = kind(&stack, change.send().await.unwrap()).await;
    assert_eq!(
        (kind.as_str(), field),
        ("unknown-field", json!("consent.by"))
    );
}

#[tokio::test]
async fn h1_another_merchants_things_are_answered_as_unknown() {
    let stack = Stack::start();
    for (path, key) in [
        ("/v1/plans/dasar", "pk_demo2_local"),
        ("/v1/plans/nowhere", API_KEY),
    ] {
        for method in [Method::GET, Method::DELETE] {
            let response = asks(&stack, method, path, key).send().await.unwrap();
            assert_eq!(response.status(), 404, "{path}");
        }
    }
    let other = asks(&stack, Method::GET, "/v1/plans", "pk_demo2_local");
    let other: Value = other.send().await.unwrap().json().await.unwrap();
    assert_eq!(other["plans"], json!([]));
    // The same name of a request is another one with another merchant.
    for (key, expected) in [(API_KEY, 201), ("pk_demo2_local", 201)] {
        let request = asks(&stack, Method::POST, "/v1/plans", key).json(&plan("pro"));
        let response = request
            .header("Idempotency-Key", "same")
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), expected);
        assert!(!response.headers().contains_key("idempotency-replayed"));
    }
}

#[tokio::test]
async fn h13_whatever_fails_the_answer_says_only_that_it_did() {
    let stack = Stack::start();
    get(&stack, "/v1/keys/current").await;
    for fault in [
        "throttle",
        "http_500",
        "timeout_before",
        "timeout_after",
        "conflict",
    ] {
        stack
            .fault(json!({"at": "dynamodb", "fault": fault, "times": 99}))
            .await;
        let response = get(&stack, "/v1/plans").await;
        assert_eq!(response.status(), 503, "{fault}");
        assert!(response.headers().contains_key("retry-after"));
        let text = problem(&stack, response).await.to_string();
        for internal in [
            "dynamodb", "DynamoDB", "table", "arn:", "Throttl", "M#", "panicked",
        ] {
            assert!(!text.contains(internal), "{fault}: {text}");
        }
        stack.end_faults().await;
    }
}

#[tokio::test]
async fn b20_the_same_request_again_is_answered_as_the_first_time() {
    let stack = Stack::start();
    let send = |id: &'static str, body: Value| {
        let request = asks(&stack, Method::POST, "/v1/plans", API_KEY);
        request.header("Idempotency-Key", id).json(&body).send()
    };
    let first = send("k-1", plan("emas")).await.unwrap();
    assert_eq!(first.status(), 201);
    assert!(!first.headers().contains_key("idempotency-replayed"));
    let location = header(&first, "location").to_owned();
    let body = first.text().await.unwrap();
    let again = send("k-1", plan("emas")).await.unwrap();
    assert_eq!(header(&again, "idempotency-replayed"), "true");
    assert_eq!(
        (again.status().as_u16(), header(&again, "location")),
        (201, location.as_str())
    );
    assert_eq!(again.text().await.unwrap(), body);

    let other = send("k-1", plan("pro")).await.unwrap();
    assert_eq!(other.status(), 422);
    assert_eq!(
        kind(&stack, other).await,
        (
            "idempotency-key-reused".to_owned(),
            json!("Idempotency-Key")
        )
    );
    // What was refused did nothing, and its name is free.
    let refused = send("k-2", json!({"id": "pro", "name": "", "monthly_fee": 1}))
        .await
        .unwrap();
    assert_eq!(refused.status(), 400);
    assert_eq!(send("k-2", plan("pro")).await.unwrap().status(), 201);
    let empty = send("", plan("x")).await.unwrap();
    assert_eq!(kind(&stack, empty).await.1, "Idempotency-Key");

    // After a day the name is another request's; the table's own clean-up plays no part in it.
    stack.advance("24h").await;
    let late = send("k-1", plan("emas")).await.unwrap();
    assert_eq!(kind(&stack, late).await.0, "conflict");
}

#[tokio::test]
async fn b20_two_at_the_same_moment_take_effect_once() {
    let stack = Stack::start();
    let person = json!({"name": "Siti", "phone": "081200000042", "plan": "dasar"});
    let had = subscribers(&stack).await.len();
    for nth in 0..10 {
        let send = || {
            let request = asks(&stack, Method::POST, "/v1/subscribers", API_KEY);
            let request = request.header("Idempotency-Key", format!("race-{nth}"));
            let request = request.json(&person);
            async { request.send().await.unwrap() }
        };
        let (one, other) = tokio::join!(send(), send());
        let mut statuses = [one.status().as_u16(), other.status().as_u16()];
        statuses.sort_unstable();
        assert!(matches!(statuses, [201, 201 | 409]), "{statuses:?}");
    }
    assert_eq!(subscribers(&stack).await.len(), had + 10);
}

/// Everybody, page by page.
async fn subscribers(stack: &Stack) -> Vec<String> {
    let mut ids = Vec::new();
    let mut path = "/v1/subscribers?limit=3".to_owned();
    loop {
        let page: Value = get(stack, &path).await.json().await.unwrap();
        let people = page["subscribers"].as_array().unwrap();
        assert!(people.len() <= 3);
        ids.extend(
            people
                .iter()
                .map(|one| one["id"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => path = format!("/v1/subscribers?limit=3&cursor={next}"),
            None => return ids,
        }
    }
}

#[tokio::test]
async fn b16_a_run_that_died_is_taken_over_after_its_lock_and_doubles_nothing() {
    let stack = Stack::start();
    let person = json!({"name": "Siti", "phone": "081200000042", "plan": "dasar"});
    // The claim is a put; the subscriber is a transaction; the answer is a put again.
    for (name, op, fault) in [
        ("before", "TransactWriteItems", "kill_before"),
        ("after", "TransactWriteItems", "kill_after"),
    ] {
        let send = || async {
            let request = asks(&stack, Method::POST, "/v1/subscribers", API_KEY);
            let request = request.header("Idempotency-Key", name).json(&person);
            request.send().await.unwrap()
        };
        let had = subscribers(&stack).await.len();
        stack
            .fault(json!({"at": "dynamodb", "op": op, "fault": fault}))
            .await;
        assert_eq!(send().await.status(), 502, "{name}");
        let soon = send().await;
        let wait: u64 = header(&soon, "retry-after").parse().unwrap();
        assert!((1..=30).contains(&wait), "{wait}");
        assert_eq!(kind(&stack, soon).await.0, "request-in-progress");
        stack.advance("30s").await;
        let again = send().await;
        assert_eq!(again.status(), 201, "{name}");
        let made: Value = again.json().await.unwrap();
        let replayed = send().await;
        assert_eq!(header(&replayed, "idempotency-replayed"), "true");
        assert_eq!(replayed.json::<Value>().await.unwrap(), made);
        assert_eq!(subscribers(&stack).await.len(), had + 1, "{name}");
    }
}

/// Of the puts of a request under an `Idempotency-Key`, the first claims it and the next is its own.
#[tokio::test]
async fn b16_a_plan_is_made_once_whichever_of_the_table_s_answers_are_lost() {
    let stack = Stack::start();
    get(&stack, "/v1/plans").await;
    for (id, skip, times, first) in [
        ("claim-once", 0, 1, 201),
        ("plan-once", 1, 1, 201),
        ("plan-thrice", 1, 3, 503),
        ("answer-thrice", 2, 3, 201),
    ] {
        let send = || async {
            let request = asks(&stack, Method::POST, "/v1/plans", API_KEY);
            let request = request.header("Idempotency-Key", id).json(&plan(id));
            request.send().await.unwrap()
        };
        let lost = json!({
            "at": "dynamodb", "op": "PutItem", "fault": "timeout_after", "skip": skip, "times": times,
        });
        stack.fault(lost).await;
        let answer = send().await;
        assert_eq!(answer.status(), first, "{id}");
        if first == 503 {
            assert!(answer.headers().contains_key("retry-after"));
            // The next takes it over at once, the answer to which is lost too.
            let lost = json!({"at": "dynamodb", "op": "PutItem", "fault": "timeout_after"});
            stack.fault(lost).await;
            let again = send().await;
            assert_eq!(again.status(), 201, "{id}");
            assert!(!again.headers().contains_key("idempotency-replayed"));
        }
        stack.end_faults().await;
        if id == "answer-thrice" {
            stack.advance("30s").await;
        }
        assert_eq!(send().await.status(), 201, "{id}");
    }
    // Nobody named this request: the plan was not there before it, and is as it says.
    let lost = json!({"at": "dynamodb", "op": "PutItem", "fault": "timeout_after"});
    stack.fault(lost).await;
    assert_eq!(post(&stack, "/v1/plans", &plan("bare")).await.status(), 201);
    let taken = post(&stack, "/v1/plans", &plan("bare")).await;
    assert_eq!(kind(&stack, taken).await.0, "conflict");
}

#[tokio::test]
async fn b16_a_subscriber_is_made_once_whichever_of_the_table_s_answers_are_lost() {
    let stack = Stack::start();
    let had = subscribers(&stack).await.len();
    let mut made = 0;
    for (id, times) in [(None, 1), (None, 3), (Some("x-1"), 1), (Some("x-2"), 3)] {
        let mut person = json!({"name": "Siti", "phone": "081200000042", "plan": "dasar"});
        if let Some(id) = id {
            person["id"] = json!(id);
        }
        let name = format!("{id:?}-{times}");
        let send = || async {
            let request = asks(&stack, Method::POST, "/v1/subscribers", API_KEY);
            let request = request.header("Idempotency-Key", &name).json(&person);
            request.send().await.unwrap()
        };
        let lost = json!({
            "at": "dynamodb", "op": "TransactWriteItems", "fault": "timeout_after", "times": times,
        });
        stack.fault(lost).await;
        let mut answer = send().await;
        if times == 3 {
            assert_eq!(answer.status(), 503, "{name}");
            answer = send().await;
        }
        assert_eq!(answer.status(), 201, "{name}");
        let answer: Value = answer.json().await.unwrap();
        let replayed = send().await;
        assert_eq!(header(&replayed, "idempotency-replayed"), "true");
        assert_eq!(replayed.json::<Value>().await.unwrap(), answer, "{name}");
        made += 1;
        assert_eq!(subscribers(&stack).await.len(), had + made, "{name}");

        let path = format!("/v1/subscribers/{}", answer["id"].as_str().unwrap());
        let gone = || async {
            let request = asks(&stack, Method::DELETE, &path, API_KEY);
            let request = request.header("Idempotency-Key", format!("{name}-gone"));
            request.send().await.unwrap().status()
        };
        if times == 3 {
            let lost = json!({
                "at": "dynamodb", "op": "TransactWriteItems", "fault": "timeout_after", "times": 3,
            });
            stack.fault(lost).await;
            assert_eq!(gone().await, 503, "{name}");
            assert_eq!(gone().await, 204, "{name}");
            made -= 1;
            assert_eq!(subscribers(&stack).await.len(), had + made, "{name}");
        }
    }
}

#[tokio::test]
async fn b16_a_name_of_which_nobody_knows_what_came_is_kept_for_its_request() {
    let stack = Stack::start();
    let person = json!({"name": "Siti", "phone": "081200000042", "plan": "dasar"});
    let send = |body: Value| {
        let request = asks(&stack, Method::POST, "/v1/subscribers", API_KEY);
        let request = request.header("Idempotency-Key", "k");
        async move { request.json(&body).send().await.unwrap() }
    };
    let had = subscribers(&stack).await.len();
    let lost = json!({
        "at": "dynamodb", "op": "TransactWriteItems", "fault": "timeout_after", "times": 3,
    });
    stack.fault(lost).await;
    assert_eq!(send(person.clone()).await.status(), 503);
    let mut other = person.clone();
    other["name"] = json!("Ani");
    assert_eq!(send(other).await.status(), 422);
    // A refusal in between does not let it go.
    let archive = asks(&stack, Method::DELETE, "/v1/plans/dasar", API_KEY);
    assert_eq!(archive.send().await.unwrap().status(), 204);
    assert_eq!(send(person.clone()).await.status(), 409);
    assert_eq!(
        post(&stack, "/v1/plans", &plan("dasar")).await.status(),
        201
    );
    assert_eq!(send(person).await.status(), 201);
    assert_eq!(subscribers(&stack).await.len(), had + 1);
}

#[tokio::test]
async fn a_key_passes_its_burst_and_then_its_rate() {
    let stack = Stack::start();
    let operator = Operator::of(&stack);
    let made = key(&operator, "billing:read", "--rate 1 --burst 3");
    let token = made["key"].as_str().unwrap();
    stack.keep_private(token);
    let ask = || async {
        let request = asks(&stack, Method::GET, "/v1/plans", token);
        request.send().await.unwrap()
    };
    for _ in 0..3 {
        let passed = ask().await;
        assert_eq!(passed.status(), 200);
        assert_eq!(header(&passed, "ratelimit-policy"), "\"key\";q=3;w=3");
        assert!(header(&passed, "ratelimit").starts_with("\"key\";r="));
    }
    // The stack's clock goes on: a second of its own may have brought a token, and not ten.
    let mut refused = ask().await;
    for _ in 0..10 {
        if refused.status() == 200 {
            refused = ask().await;
        }
    }
    assert_eq!(refused.status(), 429);
    assert_eq!(header(&refused, "retry-after"), "1");
    assert!(header(&refused, "ratelimit").starts_with("\"key\";r=0"));
    assert_eq!(kind(&stack, refused).await.0, "rate-limited");
    stack.advance("1s").await;
    assert_eq!(ask().await.status(), 200);
    stack.advance("1h").await;
    assert_eq!(ask().await.status(), 200);
    // Others are not held up.
    assert_eq!(get(&stack, "/v1/plans").await.status(), 200);
}

#[tokio::test]
async fn the_hot_path_writes_nothing_for_its_limit() {
    let stack = Stack::start();
    get(&stack, "/v1/keys/current").await;
    let before = stack.count("dynamodb", None).await;
    for _ in 0..9 {
        assert_eq!(get(&stack, "/v1/keys/current").await.status(), 200);
    }
    assert_eq!(stack.count("dynamodb", None).await, before);
}

#[tokio::test]
async fn a_list_goes_on_where_its_cursor_says_and_takes_no_other() {
    let stack = Stack::start();
    for id in ["c", "a", "b"] {
        post(&stack, "/v1/plans", &plan(id)).await;
    }
    let first: Value = get(&stack, "/v1/plans?limit=2").await.json().await.unwrap();
    let ids = |page: &Value| -> Vec<String> {
        let plans = page["plans"].as_array().unwrap();
        plans
            .iter()
            .map(|one| one["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let next = first["next"].as_str().unwrap().to_owned();
    assert_eq!(ids(&first), ["a", "b"]);
    let last = get(&stack, &format!("/v1/plans?limit=2&cursor={next}")).await;
    let last: Value = last.json().await.unwrap();
    assert_eq!(
        (ids(&last), &last["next"]),
        (vec!["c".to_owned(), "dasar".to_owned()], &Value::Null)
    );
    for path in [
        format!("/v1/plans?cursor={next}x"),
        format!("/v1/plans?cursor={}", &next[1..]),
        "/v1/plans?cursor=".to_owned(),
        format!("/v1/subscribers?cursor={next}"),
        format!("/v1/plans?archived=true&cursor={next}"),
    ] {
        let response = get(&stack, &path).await;
        assert_eq!(response.status(), 400, "{path}");
        assert_eq!(
            kind(&stack, response).await,
            ("invalid-cursor".to_owned(), json!("cursor"))
        );
    }
    let stranger = format!("/v1/plans?cursor={next}");
    let stranger = asks(&stack, Method::GET, &stranger, "pk_demo2_local");
    assert_eq!(stranger.send().await.unwrap().status(), 400);
    for limit in [
        "0",
        "101",
        "-1",
        "1.0",
        "+1",
        "x",
        "",
        "1&limit=2",
        "99999999999",
    ] {
        let response = get(&stack, &format!("/v1/plans?limit={limit}")).await;
        assert_eq!(response.status(), 400, "{limit}");
        assert_eq!(kind(&stack, response).await.1, "limit");
    }
}

#[tokio::test]
async fn every_answer_is_found_in_the_log_by_its_id() {
    let stack = Stack::start();
    for path in [
        "/v1/keys/current",
        "/v1/nowhere",
        "/v1/docs",
        "/v1/plans?x=1",
    ] {
        let response = get(&stack, path).await;
        let line = stack.line_of(&response);
        assert_eq!(line["request_id"], header(&response, "x-request-id"));
        assert_eq!(
            (&line["function"], &line["kind"]),
            (&json!("api"), &json!("api"))
        );
    }
    let plans = get(&stack, "/v1/plans/secret-name").await;
    let line = stack.line_of(&plans);
    assert_eq!(line["path"], "/v1/plans/{id}");
    assert_eq!(
        (&line["merchant"], &line["outcome"]),
        (&json!("demo"), &json!("not-found"))
    );
}

#[tokio::test]
async fn the_description_is_3_1_and_its_pages_need_nothing_from_elsewhere() {
    let stack = Stack::start();
    let document = stack.get_json("/v1/openapi.json").await;
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["servers"][0]["url"], stack.base_url());
    let mut ids = std::collections::BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{id} twice");
            assert!(operation["summary"].is_string(), "{method} {path}");
            let bodies = operation["responses"].as_object().unwrap().values();
            let contents = bodies.chain([&operation["requestBody"]]);
            let contents = contents.filter_map(|body| body["content"].as_object());
            for media in contents.flat_map(|content| content.values()) {
                assert!(
                    media.get("example").is_some(),
                    "{method} {path} has no example"
                );
            }
        }
    }
    let (status, docs) = stack.get("/v1/docs").await;
    assert_eq!(status, 200);
    for id in &ids {
        assert!(
            docs.contains(&format!("id=\"{id}\"")),
            "{id} is not in the docs"
        );
    }
    assert!(!docs.contains("<script") && !docs.contains(" style="));
    for link in docs.split("href=\"").skip(1) {
        let link = link.split('"').next().unwrap();
        assert!(link.starts_with('#') || link.starts_with("/v1/"), "{link}");
        if link.starts_with("/v1/") {
            assert_eq!(
                stack.get(link.split('#').next().unwrap()).await.0,
                200,
                "{link}"
            );
        }
    }
}

#[tokio::test]
async fn a_file_goes_in_and_comes_out_again() {
    let stack = Stack::start();
    let import = |query: &str, file: &str| {
        let path = format!("/v1/subscribers/import{query}");
        let request = asks(&stack, Method::POST, &path, API_KEY);
        let request = request.header("Content-Type", "text/csv; charset=utf-8");
        request.body(file.to_owned()).send()
    };
    let had = subscribers(&stack).await.len();
    let file = "id,name,phone,plan\nx-1,=Ani,081200000041,dasar\nx-2,Siti,x,dasar\n";
    for query in ["?dry_run=true", ""] {
        let report: Value = import(query, file).await.unwrap().json().await.unwrap();
        assert_eq!(
            (&report["refused"], &report["written"]),
            (&json!(1), &json!(false))
        );
        let refused = &report["reports"][1];
        assert_eq!(
            (&refused["line"], &refused["field"]),
            (&json!(3), &json!("phone"))
        );
        let corrected = &report["reports"][0]["corrections"][0];
        assert_eq!(corrected["to"], "+6281200000041");
    }
    assert_eq!(subscribers(&stack).await.len(), had);
    for written in ["new", "unchanged"] {
        let report = import("?skip_refused=true", file).await.unwrap();
        let report: Value = report.json().await.unwrap();
        assert_eq!(
            (&report[written], &report["written"]),
            (&json!(1), &json!(true))
        );
    }
    let out = get(&stack, "/v1/subscribers/export").await;
    assert!(header(&out, "content-disposition").contains("subscribers.csv"));
    assert!(!out.headers().contains_key("link"));
    let out = out.text().await.unwrap();
    assert!(out.contains("\nx-1,'=Ani,'+6281200000041,dasar,"), "{out}");
    let back: Value = import("", &out).await.unwrap().json().await.unwrap();
    assert_eq!(
        (&back["unchanged"], &back["refused"]),
        (&json!(had + 1), &json!(0))
    );
    let mut much = "name,phone,plan\n".to_owned();
    for nth in 0..5_001 {
        much.push_str(&format!("Budi,0812{nth:08},dasar\n"));
    }
    let answer = import("", &much).await.unwrap();
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let detail = answer.json::<Value>().await.unwrap()["detail"].to_string();
    assert!(
        detail.contains("5001 rows") && detail.contains("at most 5000"),
        "{detail}"
    );
    let refused: String = (0..600).map(|_| "Budi,0812,dasar\n").collect();
    let many = import("", &format!("name,phone,plan\n{refused}")).await;
    let many: Value = many.unwrap().json().await.unwrap();
    assert_eq!(many["refused"], 600);
    assert_eq!(many["reports"].as_array().unwrap().len(), 500);
    let broken = import("", "no,heading\n1,2\n").await.unwrap();
    assert_eq!(kind(&stack, broken).await.0, "malformed-body");
    let json = post(&stack, "/v1/subscribers/import", &json!({})).await;
    assert_eq!(json.status(), 415);
}

#[tokio::test]
async fn a_plan_that_is_archived_keeps_who_has_it_and_can_be_taken_back() {
    let stack = Stack::start();
    let person = json!({"id": "x-1", "name": "Siti", "phone": "081200000042", "plan": "dasar"});
    assert_eq!(post(&stack, "/v1/subscribers", &person).await.status(), 201);
    let gone = asks(&stack, Method::DELETE, "/v1/plans/dasar", API_KEY);
    assert_eq!(gone.send().await.unwrap().status(), 204);
    assert_eq!(get(&stack, "/v1/plans/dasar").await.status(), 404);
    let all: Value = get(&stack, "/v1/plans?archived=true")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(all["plans"][0]["archived"], true);
    let another = json!({"name": "Budiman", "phone": "081200000043", "plan": "dasar"});
    let refused = post(&stack, "/v1/subscribers", &another).await;
    assert_eq!(
        kind(&stack, refused).await,
        ("conflict".to_owned(), json!("plan"))
    );
    let paused = asks(&stack, Method::PATCH, "/v1/subscribers/x-1", API_KEY);
    let paused = paused.json(&json!({"paused": true})).send().await.unwrap();
    assert_eq!(paused.status(), 200);
    let mut dearer = plan("dasar");
    dearer["monthly_fee"] = json!(175_000);
    assert_eq!(post(&stack, "/v1/plans", &dearer).await.status(), 201);
    let back: Value = get(&stack, "/v1/plans/dasar").await.json().await.unwrap();
    assert_eq!(
        (&back["monthly_fee"], &back["archived"]),
        (&json!(175_000), &json!(false))
    );
}

#[tokio::test]
async fn what_a_person_wrote_themselves_nobody_else_takes_back() {
    let stack = Stack::start();
    let person = json!({"id": "x-1", "name": "Siti", "phone": "081200000042", "plan": "dasar"});
    post(&stack, "/v1/subscribers", &person).await;
    let patch = |body: Value| {
        let request = asks(&stack, Method::PATCH, "/v1/subscribers/x-1", API_KEY);
        request.json(&body).send()
    };
    let noted = json!({"at": "2026-11-20T10:00:00+07:00", "source": "phone call"});
    let said: Value = patch(json!({"opted_out": noted}))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(said["opted_out"]["at"], "2026-11-20T03:00:00Z");
    let taken: Value = patch(json!({"opted_out": null}))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(taken["opted_out"], Value::Null);
    stack.writes("6281200000042", "STOP", 1).await;
    let refused = patch(json!({"opted_out": null})).await.unwrap();
    assert_eq!(
        kind(&stack, refused).await,
        ("conflict".to_owned(), json!("opted_out"))
    );
    assert_eq!(
        patch(json!({"name": "Siti R"})).await.unwrap().status(),
        200
    );
}

#[tokio::test]
async fn what_a_merchant_noted_it_takes_back_whatever_it_wrote_as_the_source() {
    let stack = Stack::start();
    let person = json!({
        "id": "x-1", "name": "Siti", "phone": "081200000042", "plan": "dasar",
        "opted_out": {"at": "2026-11-20T10:00:00+07:00", "source": "WhatsApp STOP"},
    });
    assert_eq!(post(&stack, "/v1/subscribers", &person).await.status(), 201);
    let patch = |body: Value| {
        let request = asks(&stack, Method::PATCH, "/v1/subscribers/x-1", API_KEY);
        async move { request.json(&body).send().await.unwrap() }
    };
    let taken = patch(json!({"opted_out": null})).await;
    assert_eq!(taken.status(), 200);
    assert_eq!(
        taken.json::<Value>().await.unwrap()["opted_out"],
        Value::Null
    );
    // With another source it would be theirs no more.
    stack.writes("6281200000042", "STOP", 1).await;
    let stopped: Value = get(&stack, "/v1/subscribers/x-1")
        .await
        .json()
        .await
        .unwrap();
    let mut said = stopped["opted_out"].clone();
    assert_eq!(said["source"], "WhatsApp STOP");
    // As it is shown, it may be sent back.
    let again = patch(json!({"name": "Siti R", "opted_out": said.clone()})).await;
    assert_eq!(again.status(), 200);
    said["source"] = json!("phone call");
    for body in [json!({"opted_out": said}), json!({"opted_out": null})] {
        let refused = patch(body).await;
        assert_eq!(
            kind(&stack, refused).await,
            ("conflict".to_owned(), json!("opted_out"))
        );
    }
    // A row from before it was written who said it.
    let rows = stack.rows_at("x-1").await;
    let row = rows
        .iter()
        .find(|row| row["opted_out"].is_object())
        .unwrap();
    assert_eq!(row["opted_out"]["M"]["by"]["S"], "keyword");
    let mut row = row.clone();
    row["opted_out"]["M"].as_object_mut().unwrap().remove("by");
    put_row(&stack, &row).await;
    let refused = patch(json!({"opted_out": null})).await;
    assert_eq!(refused.status(), 409);
}

/// Writes a row over the one that is there.
async fn put_row(stack: &Stack, row: &Value) {
    let request = stack
        .request(Method::POST, "/sandbox/dynamodb")
        .header("X-Amz-Target", "DynamoDB_20120810.PutItem")
        .header("Content-Type", "application/x-amz-json-1.0")
        .header("X-Amz-Date", "20261201T010000Z")
        .header("Authorization", "AWS4-HMAC-SHA256 Credential=local/20261201/local/dynamodb/aws4_request, SignedHeaders=host;x-amz-date, Signature=00");
    let body = json!({"TableName": "pesan", "Item": row}).to_string();
    assert!(
        request
            .body(body)
            .send()
            .await
            .unwrap()
            .status()
            .is_success()
    );
}

#[tokio::test]
async fn nobody_new_has_a_phone_number_or_a_word_of_the_api_for_an_id() {
    let stack = Stack::start();
    let had = subscribers(&stack).await.len();
    let ids = [
        "export",
        "import",
        "081234567890",
        "6281234567890",
        "0812-3456-7890",
    ];
    let mut file = "id,name,phone,plan\n".to_owned();
    for id in ids {
        if id.contains("7890") {
            stack.keep_private(id);
        }
        let person = json!({"id": id, "name": "Siti", "phone": "081200000042", "plan": "dasar"});
        let refused = post(&stack, "/v1/subscribers", &person).await;
        let said = problem(&stack, refused).await;
        assert_eq!(
            (&said["status"], &said["field"]),
            (&json!(400), &json!("id"))
        );
        let detail = said["detail"].as_str().unwrap();
        assert!(detail.contains("such as plg-001"), "{detail}");
        assert!(!detail.contains("7890"), "{detail}");
        file.push_str(&format!("{id},Siti,081200000042,dasar\n"));
    }
    let import = asks(
        &stack,
        Method::POST,
        "/v1/subscribers/import?skip_refused=true",
        API_KEY,
    );
    let import = import.header("Content-Type", "text/csv").body(file);
    let report: Value = import.send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (&report["refused"], &report["new"]),
        (&json!(ids.len()), &json!(0)),
        "{report}"
    );
    assert_eq!(report["reports"][0]["field"], "id", "{report}");
    assert_eq!(subscribers(&stack).await.len(), had);
}

#[tokio::test]
async fn what_is_stored_and_cannot_be_read_is_500_and_an_alarm() {
    let stack = Stack::start();
    let person = json!({"id": "x-1", "name": "Siti", "phone": "081200000042", "plan": "dasar"});
    assert_eq!(post(&stack, "/v1/subscribers", &person).await.status(), 201);
    let rows = stack.rows_at("x-1").await;
    let mut row = rows
        .iter()
        .find(|row| row["anchor_day"].is_object())
        .unwrap()
        .clone();
    row["anchor_day"]["N"] = json!("99");
    put_row(&stack, &row).await;
    // A cell that is nobody's.
    let bill = json!({
        "PK": {"S": "M#demo#BILL#2026-11#0"}, "SK": {"S": "x-1"}, "due": {"S": "soon"},
    });
    let shards = (0..8).map(|shard| format!("M#demo#BILL#2026-11#{shard}"));
    for shard in shards {
        let mut bill = bill.clone();
        bill["PK"]["S"] = json!(shard);
        put_row(&stack, &bill).await;
    }
    for path in ["/v1/subscribers/x-1", "/v1/bills/B-202611-x-1"] {
        let answer = get(&stack, path).await;
        assert_eq!(answer.status(), 500, "{path}");
        assert!(!answer.headers().contains_key("retry-after"));
        let line = stack.line_of(&answer);
        assert_eq!(line["alarm_names"], json!(["row unreadable"]), "{line}");
        assert_eq!(kind(&stack, answer).await.0, "internal-error");
    }
}

#[tokio::test]
async fn the_fixed_keys_are_the_local_stacks_alone() {
    let stack = Stack::start_with(&Setup {
        empty: true,
        ..Setup::default()
    });
    assert_eq!(get(&stack, "/v1/keys/current").await.status(), 401);
}
