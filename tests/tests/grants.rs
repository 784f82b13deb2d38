//! What each function asks of the table and of the Parameter Store is what its own policy grants,
//! and all of it: a policy that is too narrow is a 503 that no other test would see, one that is too
//! wide is never used.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may stop where it stands"
)]

use std::collections::BTreeSet;
use std::path::Path;

use pesan_tests::bill::Debtor;
use pesan_tests::operator::Operator;
use pesan_tests::{API_KEY, Stack};
use reqwest::Method;
use serde_json::{Value, json};
use serde_yaml_ng::Value as Yaml;

/// An action on a partition, or on a parameter.
type Use = (String, String);

/// A statement: each of its actions on each of its partitions, such as `M#*#PAY#*`, or parameters.
struct Grant {
    actions: Vec<String>,
    patterns: Vec<String>,
}

impl Grant {
    fn covers(&self, (action, key): &Use) -> bool {
        self.actions.contains(action) && self.patterns.iter().any(|pattern| is_like(pattern, key))
    }

    /// Its actions and partitions that nothing of `used` needs. Not each pair of them: all writes
    /// of a function stand in one statement.
    fn idle(&self, used: &BTreeSet<Use>) -> Vec<String> {
        let used: Vec<&Use> = used.iter().filter(|one| self.covers(one)).collect();
        let actions = self.actions.iter();
        let patterns = self.patterns.iter();
        let idle_action = |action: &&String| !used.iter().any(|one| one.0 == **action);
        let idle_pattern = |pattern: &&String| !used.iter().any(|one| is_like(pattern, &one.1));
        let idle = actions
            .filter(idle_action)
            .chain(patterns.filter(idle_pattern));
        idle.cloned().collect()
    }
}

/// IAM's `StringLike`, stars only.
fn is_like(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, rest)) => text.strip_prefix(before).is_some_and(|text| {
            text.char_indices()
                .map(|(at, _)| at)
                .chain([text.len()])
                .any(|at| is_like(rest, &text[at..]))
        }),
    }
}

/// What the template grants a function.
fn granted(function: &str) -> Vec<Grant> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
    let template: Yaml = serde_yaml_ng::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let policy = &template["Resources"][function]["Properties"]["Policies"][0];
    let statements = policy["Statement"].as_sequence().unwrap().iter();
    statements
        .map(|statement| {
            let keys = statement
                .get("Condition")
                .map(|condition| &condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]);
            Grant {
                actions: one_or_all(&statement["Action"]),
                patterns: match keys {
                    Some(keys) => one_or_all(keys),
                    None => one_or_all(&statement["Resource"])
                        .iter()
                        .map(|arn| arn.rsplit("${ParameterPrefix}").next().unwrap().to_owned())
                        .collect(),
                },
            }
        })
        .collect()
}

fn one_or_all(value: &Yaml) -> Vec<String> {
    match value {
        Yaml::Sequence(items) => items.iter().flat_map(one_or_all).collect(),
        Yaml::Tagged(tagged) => one_or_all(&tagged.value),
        one => vec![one.as_str().unwrap().to_owned()],
    }
}

/// What a call asks of IAM.
fn uses(call: &Value) -> Vec<Use> {
    let (op, body) = (call["op"].as_str().unwrap(), &call["body"]);
    let one = |action: &str, key: &Value| {
        let key = key["S"].as_str().unwrap_or_else(|| panic!("{call}"));
        (format!("dynamodb:{action}"), key.to_owned())
    };
    match op {
        "BatchGetItem" => {
            let keys = body["RequestItems"]["pesan"]["Keys"].as_array().unwrap();
            keys.iter().map(|key| one(op, &key["PK"])).collect()
        }
        "Query" => vec![one(op, &body["ExpressionAttributeValues"][":pk"])],
        "PutItem" => vec![one(op, &body["Item"]["PK"])],
        "TransactWriteItems" => {
            let writes = body["TransactItems"].as_array().unwrap();
            let write = |write: &Value| {
                let (kind, write) = write.as_object().unwrap().iter().next().unwrap();
                match kind.as_str() {
                    "Put" => one("PutItem", &write["Item"]["PK"]),
                    "Delete" | "Update" => one(&format!("{kind}Item"), &write["Key"]["PK"]),
                    "ConditionCheck" => one("ConditionCheckItem", &write["Key"]["PK"]),
                    _ => panic!("neither a put, a delete, an update nor a check: {write}"),
                }
            };
            writes.iter().map(write).collect()
        }
        "DeleteItem" => vec![one(op, &body["Key"]["PK"])],
        "BatchWriteItem" => {
            let writes = body["RequestItems"]["pesan"].as_array().unwrap().iter();
            writes
                .map(|write| one(op, &write["DeleteRequest"]["Key"]["PK"]))
                .collect()
        }
        "PutEvents" => vec![(format!("events:{op}"), "EventBus.Arn".to_owned())],
        "GetParameters" => {
            let names = body["Names"].as_array().unwrap().iter();
            let name = |name: &Value| {
                name.as_str()?
                    .strip_prefix("/pesan/local")
                    .map(str::to_owned)
            };
            names
                .map(|one| (format!("ssm:{op}"), name(one).unwrap()))
                .collect()
        }
        _ => panic!("{op} is granted to nobody"),
    }
}

/// What a function has asked of AWS.
async fn used(stack: &Stack, binary: &str) -> BTreeSet<Use> {
    let mut used = BTreeSet::new();
    for vendor in ["dynamodb", "ssm", "eventbridge"] {
        let calls = stack.calls(vendor).await;
        let own = calls.iter().filter(|call| call["function"] == binary);
        used.extend(own.flat_map(uses));
    }
    used
}

fn judge(function: &str, used: &BTreeSet<Use>) {
    let grants = granted(function);
    let refused: Vec<&Use> = used
        .iter()
        .filter(|one| !grants.iter().any(|grant| grant.covers(one)))
        .collect();
    assert!(refused.is_empty(), "{function} is refused {refused:?}");
    let idle: Vec<String> = grants.iter().flat_map(|grant| grant.idle(used)).collect();
    assert!(idle.is_empty(), "{function} never uses {idle:?}");
}

/// Telegram answers so to the next message.
async fn no_message(stack: &Stack, fault: &str) {
    let fault = json!({"at": "telegram", "op": "sendMessage", "fault": fault});
    stack.fault(fault).await;
}

async fn fire(stack: &Stack, name: &str, at: &str) {
    let path = format!("/sandbox/schedules/{name}");
    stack.handle(&path, &json!({"scheduled_at": at})).await;
    stack.idle().await;
}

/// A month's bills, with receipts that stop the number, let a recipient rest, and come when their
/// message waits already; then the reminders of a day.
async fn month_of_bills(stack: &Stack) {
    let path = "/sandbox/whatsapp-templates/monthly_bill";
    stack.handle(path, &json!({"event": "APPROVED"})).await;
    for (phone, code) in [("62812000001002", 131_056), ("62812000001003", 190)] {
        let failed = json!({"phone": phone, "receipts": [{"status": "failed", "code": code}]});
        stack.handle("/sandbox/whatsapp-receipts", &failed).await;
    }
    let webhooks = "/sandbox/whatsapp-webhooks";
    stack.handle(webhooks, &json!({"hold": true})).await;
    for (fault, times) in [("131056", 1), ("timeout_after", 2)] {
        let fault = json!({"at": "whatsapp", "op": "messages", "fault": fault, "times": times});
        stack.fault(fault).await;
    }
    fire(stack, "BillsJakarta", "2026-11-30T09:00:00+07:00").await;
    stack.handle(path, &json!({"event": "PAUSED"})).await;
    stack.handle(webhooks, &json!({"hold": true})).await;
    stack.advance("20m").await;
    stack.handle(webhooks, &json!({"hold": false})).await;
    stack.advance("20m").await;
    fire(stack, "RemindersJakarta", "2026-12-07T09:00:00+07:00").await;
}

/// A stack on which a bill's payment was told of, and another one's was not.
async fn bills_are_paid() -> Stack {
    let debtor = Debtor::billed().await;
    let stack = &debtor.stack;
    for (bill, is_told) in [(debtor.bill.as_str(), true), ("B-202611-plg-002", false)] {
        stack.click_pay(&debtor.link_of(bill)).await;
        let pay = json!({"do": "pay", "method": "qris", "notify": is_told});
        stack.bank(bill, pay).await;
    }
    // A run that is begun by hand, after a look at what it would say.
    let sample = stack.request(Method::POST, "/v1/billing-runs");
    let sample = sample.bearer_auth(API_KEY);
    let to = json!({"period": "2026-10", "dry_run": true, "sample_to": "081200000001"});
    assert_eq!(sample.json(&to).send().await.unwrap().status(), 200);
    let begin = stack.request(Method::POST, "/v1/billing-runs");
    let begin = begin.bearer_auth(API_KEY);
    let begun = begin.json(&json!({"period": "2026-10"})).send().await;
    assert_eq!(begun.unwrap().status(), 202);
    for path in [
        "/v1/billing-runs/2026-11/tape",
        "/v1/bills?subscriber=plg-001",
    ] {
        let read = stack.request(Method::GET, path).bearer_auth(API_KEY);
        assert_eq!(read.send().await.unwrap().status(), 200);
    }
    let cash = stack.request(Method::POST, "/v1/bills/B-202611-plg-003/payments");
    let cash = cash.bearer_auth(API_KEY);
    let some = json!({"amount": 1_000, "source": "cash", "by": "sari"});
    assert_eq!(cash.json(&some).send().await.unwrap().status(), 201);
    stack.advance("20m").await;
    debtor.stack
}

#[tokio::test]
async fn j7_each_function_uses_all_of_its_grants_and_nothing_else() {
    let stack = Stack::start();
    let customer = stack.customer(1);
    customer.say("/catalog").await;
    let booked = customer.book("09.00").await;
    // Their receipts go to their number, too.
    customer.press("Bagikan nomor").await;
    customer.press("Bagikan nomor").await;
    let reviewed = customer.book("12.00").await;
    customer.say("/status").await;

    stack.get("/m/demo").await;
    stack.get("/m/demo/catalog").await;
    stack.page(&booked.link).await;
    stack.click_pay(&booked.link).await;

    // An attempt that was called off is followed by the next one, which the page opens.
    let choose = json!({"do": "choose", "method": "bca_va"});
    stack.bank(&booked.code, choose).await;
    stack.bank(&booked.code, json!({"do": "cancel"})).await;
    stack.click_pay(&booked.link).await;

    // A number for the receipt too, whose owner Meta wants left alone for a moment.
    let own = json!({"phone": "+6281200000077"});
    stack.keep_private("6281200000077");
    let chat = "/sandbox/telegram/demo/chats/1/contact";
    stack.handle(chat, &own).await;
    let rests = json!({"at": "whatsapp", "op": "messages", "fault": "131056"});
    stack.fault(rests).await;
    // Paid, with a receipt that comes late; put under review, and out of it again.
    let second = format!("{}-A2", booked.code);
    no_message(&stack, "500").await;
    stack.bank(&second, json!({"do": "pay"})).await;
    stack.advance("5m").await;
    let wrong = json!({"do": "pay", "method": "gopay", "amount": "1.00", "status_amount": "1.00"});
    stack.bank(&reviewed.code, wrong).await;
    let refund = json!({"do": "refund", "amount": "1.00"});
    stack.bank(&reviewed.code, refund).await;
    // The first read of a merchant that is nowhere, for want of its secret.
    stack.post("/midtrans/nowhere", &json!({})).await;
    stack.expect_states(&booked, "Paid", "Confirmed").await;
    stack.expect_states(&reviewed, "Refunded", "Held").await;

    stack.handle("/sandbox/whatsapp-verify", &json!({})).await;
    // A subscriber's number.
    stack.writes("62812000001001", "STOP", 1).await;
    let paused = json!({"event": "PAUSED"});
    let path = "/sandbox/whatsapp-templates/monthly_bill";
    stack.handle(path, &paused).await;
    stack.idle().await;

    // Receipts to nobody any more, and none before there is a new token.
    for (chat, slot, fault) in [(2, "15.00", "403"), (3, "18.00", "401")] {
        let booked = stack.customer(chat).book(slot).await;
        no_message(&stack, fault).await;
        stack.bank(&booked.code, json!({"do": "pay"})).await;
    }

    // Paid, one of them with a wrong amount, and nobody told: Midtrans is asked.
    for (slot, amount) in [("09.00", "70000.00"), ("12.00", "1.00")] {
        let booked = stack.customer(4).book_on("06/12/2026", slot).await;
        let pay = json!({
            "do": "pay", "method": "bca_va", "notify": false, "status_amount": amount,
        });
        stack.bank(&booked.code, pay).await;
    }
    // A top-up that was told of, and one that was not.
    let operator = Operator::of(&stack);
    for is_told in [true, false] {
        let sold = operator.does("pesan topup demo2 --package 100 --json");
        let order = sold.json()["order_id"].as_str().unwrap().to_owned();
        let pay = json!({"do": "pay", "method": "bca_va", "notify": is_told});
        stack.bank(&order, pay).await;
    }
    // A chat that a subscriber's bills may come to.
    let link = operator
        .does("pesan subscribers link demo plg-003 --json")
        .json();
    let (_, payload) = link["link"].as_str().unwrap().split_once("=").unwrap();
    customer.say(&format!("/start {payload}")).await;

    stack.advance("20m").await;

    // A refused request lets its name go; the second of the same makes it known.
    for (path, body) in [
        (
            "/v1/plans",
            json!({"id": "emas", "name": "Emas", "monthly_fee": 0}),
        ),
        (
            "/v1/plans",
            json!({"id": "emas", "name": "Emas", "monthly_fee": 150_000}),
        ),
        (
            "/v1/plans",
            json!({"id": "emas", "name": "Emas", "monthly_fee": 150_000}),
        ),
        (
            "/v1/subscribers",
            json!({"id": "a", "name": "A", "phone": "081200000042", "plan": "dasar"}),
        ),
    ] {
        let request = stack.request(Method::POST, path).bearer_auth(API_KEY);
        let request = request.header("Idempotency-Key", path).json(&body);
        request.send().await.unwrap();
    }
    let remove = stack.request(Method::DELETE, "/v1/subscribers/a");
    let removed = remove.bearer_auth(API_KEY).send().await.unwrap();
    assert_eq!(removed.status(), 204);
    month_of_bills(&stack).await;

    let paid = bills_are_paid().await;
    for (function, binary) in [
        ("ApiFunction", "api"),
        ("TelegramWebhookFunction", "telegram-webhook"),
        ("MidtransNotificationFunction", "midtrans-notification"),
        ("WebFunction", "web"),
        ("WhatsAppWebhookFunction", "whatsapp-webhook"),
        ("OutboxRelayFunction", "outbox-relay"),
        ("MessageSenderFunction", "message-sender"),
        ("ReconcilerFunction", "reconciler"),
        ("BillingBroadcastFunction", "billing-broadcast"),
    ] {
        let mut all = used(&stack, binary).await;
        all.extend(used(&paid, binary).await);
        judge(function, &all);
    }
}
