//! A bill's page and its payment, from the click to the receipt, seen from outside.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

use futures_util::future::join_all;
use pesan_tests::bill::Debtor;
use pesan_tests::{API_KEY, Stack, notification};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// What every demo's bill asks for.
const FEE: u64 = 150_000;
/// The number of the bill.
const BILL: &str = "B-202611-plg-001";
/// Its second attempt.
const SECOND: &str = "B-202611-plg-001-A2";

fn pay() -> Value {
    json!({"do": "pay", "method": "qris"})
}

/// How often Midtrans was asked for a page.
async fn pages(stack: &Stack) -> usize {
    stack.count("midtrans", Some("transactions")).await
}

async fn payment_state(stack: &Stack, order: &str) -> String {
    let row = stack
        .row(&format!("M#demo#PAY#{order}"), "PAYMENT")
        .await
        .unwrap();
    row["state"]["S"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_bill_is_paid_from_its_page_and_the_receipt_says_so() {
    let debtor = Debtor::billed().await;
    let page = debtor.page().await;
    assert_eq!(page.says(), (BILL, FEE, "Created"));
    for words in [
        "Tagihan November 2026",
        "Kamis, 10 Desember 2026",
        "Paket Dasar",
        "Rp150.000",
        "Belum dibayar",
        "Bayar Sekarang",
    ] {
        assert!(page.html.contains(words), "{words}: {}", page.html);
    }
    assert_eq!(pages(&debtor.stack).await, 0, "nothing before the click");

    let snap = debtor.click().await;
    assert_eq!(debtor.page().await.says(), (BILL, FEE, "Created"));
    assert_eq!(debtor.click().await, snap, "one page while it lives");
    assert_eq!(pages(&debtor.stack).await, 1);
    let opened = debtor.stack.transaction(BILL).await.unwrap();
    assert_eq!(opened["gross_amount"], FEE);

    let choose = json!({"do": "choose", "method": "bca_va"});
    debtor.stack.bank(BILL, choose).await;
    assert_eq!(debtor.page().await.payment, "Pending");
    debtor.stack.bank(BILL, json!({"do": "pay"})).await;
    let page = debtor.page().await;
    assert_eq!(page.says(), (BILL, FEE, "Paid"));
    assert!(page.html.contains("Lunas pada Senin, 30 November 2026"));
    assert!(!page.html.contains("<form"));
    assert_eq!(debtor.symbols(), "PPPPP");
    let told = debtor.told().await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("Rp150.000"), "{told:?}");
    assert!(told[0].contains("November 2026"), "{told:?}");

    // Paid, it says so and opens nothing.
    assert_eq!(debtor.click().await, debtor.path());
    let scripted = debtor
        .stack
        .send_pay(&debtor.link, Some("application/json"));
    assert_eq!(scripted.await.status(), StatusCode::CONFLICT);
    assert_eq!(pages(&debtor.stack).await, 1);
    assert_eq!(debtor.stack.alarms().await, [""; 0]);
}

#[tokio::test]
async fn a_bill_is_read_in_english_too() {
    let debtor = Debtor::billed().await;
    let page = debtor.page_at(&format!("{}?lang=en", debtor.path())).await;
    for words in [
        "Bill for November 2026",
        "Thursday, 10 December 2026",
        "Not paid yet",
        "Pay now",
    ] {
        assert!(page.html.contains(words), "{words}: {}", page.html);
    }
    assert!(!page.html.contains("Tagihan"), "{}", page.html);
}

#[tokio::test]
async fn b23_a_forged_query_does_not_make_a_bill_say_paid() {
    let debtor = Debtor::billed().await;
    debtor.click().await;
    let query = format!("order_id={BILL}&status_code=200&transaction_status=settlement");
    let page = debtor.page_at(&format!("{}?{query}", debtor.path())).await;
    assert_eq!(page.says(), (BILL, FEE, "Created"));
    assert_eq!(debtor.symbols(), "AUUUU");
}

#[tokio::test]
async fn h1_what_is_near_a_bills_token_is_as_unknown_as_anything() {
    let debtor = Debtor::billed().await;
    let stack = &debtor.stack;
    let token = debtor.path().strip_prefix("/b/").unwrap().to_owned();
    let unknown = stack.get("/b/aaaaaaaaaaaaaaaaaaaaaaaaaa").await;
    assert_eq!(unknown.0, StatusCode::NOT_FOUND);
    let booked = stack.customer(1).book("09.00").await;
    let order = booked.link.rsplit('/').next().unwrap().to_owned();
    let other = if token.ends_with('a') { "b" } else { "a" };
    let neighbour = format!("{}{other}", &token[..token.len() - 1]);
    for path in [
        format!("/b/{neighbour}"),
        format!("/b/{}", token.to_uppercase()),
        format!("/b/{order}"),
        format!("/b/{BILL}"),
        format!("/o/{token}"),
        "/b/..%2fo".to_owned(),
    ] {
        assert_eq!(stack.get(&path).await, unknown, "{path}");
        let clicked = stack.request(Method::POST, &format!("{path}/pay"));
        let clicked = clicked.send().await.unwrap();
        assert_eq!(clicked.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(clicked.text().await.unwrap(), unknown.1, "{path}");
    }
}

#[tokio::test]
async fn what_is_not_paid_in_time_is_followed_by_the_next_attempt() {
    let debtor = Debtor::billed().await;
    let first = debtor.click().await;
    let choose = json!({"do": "choose", "method": "bca_va"});
    debtor.stack.bank(BILL, choose).await;
    debtor.stack.advance("25h").await;
    let page = debtor.page().await;
    assert_eq!(page.says(), (BILL, FEE, "Expired"));
    assert!(page.html.contains("Belum dibayar"), "{}", page.html);
    assert_ne!(debtor.click().await, first);
    assert_eq!(debtor.page().await.says(), (SECOND, FEE, "Created"));
    debtor.stack.bank(SECOND, pay()).await;
    assert_eq!(debtor.page().await.says(), (SECOND, FEE, "Paid"));
    assert_eq!(debtor.symbols(), "PPPPP");
    assert_eq!(debtor.told().await.len(), 1);
}

#[tokio::test]
async fn a_page_that_nobody_chose_a_method_on_ends_with_its_time() {
    let debtor = Debtor::billed().await;
    let first = debtor.click().await;
    debtor.stack.advance("25h").await;
    assert_ne!(debtor.click().await, first);
    assert_eq!(debtor.page().await.says(), (SECOND, FEE, "Created"));
}

#[tokio::test]
async fn cash_in_part_leaves_the_rest_to_pay_and_in_full_nothing() {
    let debtor = Debtor::billed().await;
    debtor.click().await;
    let choose = json!({"do": "choose", "method": "bca_va"});
    debtor.stack.bank(BILL, choose).await;
    debtor.cash(50_000);
    let page = debtor.page().await;
    assert_eq!(page.says(), (BILL, 100_000, "Created"));
    for words in ["Sisa tagihan", "Tunai", "Rp50.000", "Rp100.000"] {
        assert!(page.html.contains(words), "{words}: {}", page.html);
    }

    // The code for all of it is ended before there is one for the rest.
    debtor.click().await;
    let first = debtor.stack.transaction(BILL).await.unwrap();
    assert_eq!(first["status"], "expire");
    assert_eq!(debtor.page().await.says(), (SECOND, 100_000, "Created"));
    let second = debtor.stack.transaction(SECOND).await.unwrap();
    assert_eq!(second["gross_amount"], 100_000);
    debtor.stack.bank(SECOND, pay()).await;
    assert_eq!(debtor.page().await.says(), (SECOND, FEE, "Paid"));
    assert_eq!(debtor.symbols(), "PPPPP");
    let told = debtor.told().await;
    assert!(told[0].contains("Rp100.000"), "{told:?}");
}

#[tokio::test]
async fn cash_in_full_reads_paid() {
    let debtor = Debtor::billed().await;
    debtor.cash(FEE);
    assert_eq!(debtor.page().await.says(), (BILL, FEE, "Paid"));
    assert_eq!(debtor.click().await, debtor.path());
    assert_eq!(pages(&debtor.stack).await, 0);
    assert_eq!(debtor.symbols(), "PPPPP");
}

#[tokio::test]
async fn b2_a_bill_is_paid_once_however_often_it_is_told() {
    let debtor = Debtor::billed().await;
    let stack = &debtor.stack;
    debtor.click().await;
    let unheard = json!({"do": "pay", "method": "qris", "notify": false});
    stack.bank(BILL, unheard).await;
    let path = format!("/v2/{BILL}/status");
    let body = stack.midtrans(Method::GET, &path, None).await;
    let spellings: Vec<Value> = (0..8)
        .map(|nth| {
            let mut body = body.clone();
            body["custom_field1"] = json!(nth);
            body
        })
        .collect();
    let answers = join_all(spellings.iter().map(|body| stack.notify(body))).await;
    assert!(answers.iter().all(|answer| answer.status() == 200));
    for body in &spellings {
        assert_eq!(stack.notify(body).await.status(), 200);
    }
    assert_eq!(debtor.page().await.payment, "Paid");
    assert_eq!(debtor.shown()["payments"].as_array().unwrap().len(), 1);
    assert_eq!(debtor.told().await.len(), 1);
    assert_eq!(stack.alarms().await, [""; 0]);
}

#[tokio::test]
async fn b3_another_amount_is_for_a_person() {
    let debtor = Debtor::billed().await;
    debtor.click().await;
    let wrong = json!({"do": "pay", "method": "gopay", "amount": "1.00", "status_amount": "1.00"});
    debtor.stack.bank(BILL, wrong).await;
    assert_eq!(debtor.page().await.says(), (BILL, FEE, "Review"));
    assert_eq!(debtor.symbols(), "AUUUU");
    assert_eq!(debtor.stack.alarms().await, ["wrong amount"]);
    assert_eq!(debtor.stack.waiting("review").await.len(), 1);
    assert_eq!(debtor.click().await, debtor.path());
    assert_eq!(debtor.told().await, [""; 0]);
    assert_eq!(debtor.shown()["in_review"][0]["order"], BILL);
}

#[tokio::test]
async fn money_for_a_bill_that_cash_has_paid_is_for_a_person() {
    let debtor = Debtor::billed().await;
    debtor.click().await;
    let choose = json!({"do": "choose", "method": "bca_va"});
    debtor.stack.bank(BILL, choose).await;
    debtor.cash(FEE);
    assert_eq!(debtor.page().await.payment, "Paid");
    debtor.stack.bank(BILL, json!({"do": "pay"})).await;
    let page = debtor.page().await;
    assert_eq!(page.says(), (BILL, FEE, "Review"));
    assert!(page.html.contains("tidak perlu membayar lagi"));
    let transaction = debtor.stack.transaction_id(BILL).await;
    assert_eq!(debtor.stack.waiting("review").await, [transaction]);
    assert_eq!(debtor.stack.alarms().await, ["bill takes no money"]);
    assert_eq!(debtor.shown()["payments"].as_array().unwrap().len(), 1);
    assert_eq!(debtor.told().await, [""; 0]);

    // It is given back, and the bill stays as paid as it was.
    debtor.stack.bank(BILL, json!({"do": "refund"})).await;
    assert_eq!(debtor.page().await.payment, "Paid");
    assert_eq!(debtor.stack.waiting("review").await, [""; 0]);
    assert_eq!(debtor.symbols(), "PPPPP");
}

#[tokio::test]
async fn of_two_attempts_that_are_paid_one_pays_and_the_other_is_for_a_person() {
    let debtor = Debtor::billed().await;
    let stack = &debtor.stack;
    debtor.click().await;
    debtor.cash(50_000);
    debtor.click().await;
    // The first page was still open somewhere, and asks for all of it.
    stack.bank(BILL, pay()).await;
    assert_eq!(payment_state(stack, BILL).await, "Review");
    assert_eq!(debtor.page().await.says(), (BILL, 100_000, "Review"));
    assert_eq!(stack.alarms().await, ["bill takes no money"]);
    stack.bank(SECOND, pay()).await;
    assert_eq!(debtor.page().await.says(), (BILL, FEE, "Review"));
    assert_eq!(debtor.told().await.len(), 1);
    let transaction = stack.transaction_id(BILL).await;
    assert_eq!(stack.waiting("review").await, [transaction]);
    // It is given back, and the other one has paid the bill.
    stack.bank(BILL, json!({"do": "refund"})).await;
    assert_eq!(debtor.page().await.says(), (SECOND, FEE, "Paid"));
}

#[tokio::test]
async fn while_money_is_looked_at_nobody_is_asked_for_it_and_it_counts_once_accepted() {
    let debtor = Debtor::billed().await;
    let (stack, operator) = (&debtor.stack, &debtor.operator);
    debtor.click().await;
    debtor.cash(50_000);
    // The page that was open asks for all of it.
    stack.bank(BILL, pay()).await;
    assert_eq!(debtor.page().await.says(), (BILL, 100_000, "Review"));
    let shown = operator.does(&format!("pesan bills show demo {BILL}")).out;
    assert!(
        shown.contains("in review") && shown.contains("pesan bills accept"),
        "{shown}"
    );
    let listed = operator.does("pesan bills list demo --period 2026-11").out;
    assert!(listed.contains("Review"), "{listed}");
    stack.set_clock("2026-12-07T10:00:00+07:00").await;
    stack.idle().await;
    assert_eq!(debtor.told().await, [""; 0], "no reminder");
    assert_eq!(&debtor.symbols()[..2], "AG");

    let accept = |rest: &str| format!("pesan bills accept demo {BILL} --by sari {rest}");
    let wrong = operator.is_refused(&accept(&format!("--order {SECOND}")));
    assert!(wrong.contains("no such payment"), "{wrong}");
    assert!(
        wrong.contains("pesan bills show"),
        "it says where to look: {wrong}"
    );
    let much = operator.is_refused(&accept(&format!("--order {BILL} --amount 100001")));
    assert!(much.contains("at most Rp100.000"), "{much}");
    let said = operator.does(&accept(&format!("--order {BILL}"))).out;
    assert!(said.contains("Rp0"), "{said}");
    assert_eq!(debtor.page().await.says(), (BILL, FEE, "Paid"));
    assert_eq!(debtor.shown()["payments"][1]["counted_by"], "sari");
    assert_eq!(stack.waiting("review").await, [""; 0]);
    assert_eq!(payment_state(stack, BILL).await, "Paid");
    assert_eq!(debtor.symbols(), "PPPPP");
    operator.is_refused(&accept(&format!("--order {BILL}")));
    assert!(said.contains("Rp50.000 more came"), "{said}");

    // What more came goes back, and the bill is as paid as it was.
    let surplus = json!({"do": "refund", "refund_amount": 50_000});
    stack.bank(BILL, surplus).await;
    assert_eq!(payment_state(stack, BILL).await, "PartlyRefunded");
    assert_eq!(debtor.page().await.says(), (BILL, FEE, "Paid"));
    assert_eq!(debtor.symbols(), "PPPPP");
    assert_eq!(debtor.shown()["payments"][1]["surplus"], 0);
}

#[tokio::test]
async fn j1_a_decision_about_money_whose_answer_is_lost_is_recorded_once() {
    for is_accepted in [true, false] {
        let debtor = Debtor::billed().await;
        debtor.click().await;
        debtor.cash(50_000);
        debtor.stack.bank(BILL, pay()).await;
        let lost = json!({
            "at": "dynamodb", "fault": "timeout_after", "op": "TransactWriteItems", "times": 100,
        });
        debtor.stack.fault(lost).await;
        let (decision, left) = if is_accepted {
            ("accept", 0)
        } else {
            ("return --reason kembali", 100_000)
        };
        let line = format!("{decision} demo {BILL} --order {BILL} --by sari");
        debtor.operator.does(&format!("pesan bills {line}"));
        let shown = debtor.shown();
        assert_eq!(shown["remaining"], left);
        assert_eq!(shown["payments"].as_array().unwrap().len(), 2);
        assert_eq!(shown["in_review"], json!([]));
    }
}

#[tokio::test]
async fn money_that_midtrans_cannot_refund_is_given_back_by_hand_and_waits_for_nobody() {
    for closed in ["cash", "void"] {
        let debtor = Debtor::billed().await;
        let (stack, operator) = (&debtor.stack, &debtor.operator);
        debtor.click().await;
        let choose = json!({"do": "choose", "method": "bca_va"});
        stack.bank(BILL, choose).await;
        let state = if closed == "cash" {
            debtor.cash(FEE);
            "Paid"
        } else {
            operator.does(&format!(
                "pesan bills void demo {BILL} --reason salah --by sari"
            ));
            "Voided"
        };
        stack.bank(BILL, json!({"do": "pay"})).await;
        assert_eq!(debtor.page().await.says(), (BILL, FEE, "Review"));
        assert_eq!(debtor.shown()["in_review"][0]["amount"], FEE);
        let symbols = debtor.symbols();
        let back = |order: &str| {
            format!(
                "pesan bills return demo {BILL} --order {order} --reason 'transfer balik' --by sari"
            )
        };
        operator.is_refused(&back(SECOND));
        let said = operator.does(&back(BILL)).out;
        assert!(said.contains("given back"), "{said}");
        assert_eq!(stack.waiting("review").await, [""; 0]);
        assert_eq!(payment_state(stack, BILL).await, "Refunded");
        let shown = debtor.shown();
        assert_eq!(
            (&shown["state"], &shown["in_review"]),
            (&json!(state), &json!([]))
        );
        assert_eq!(
            (&shown["remaining"], &shown["lost"]),
            (&json!(0), &json!(0))
        );
        let text = operator.does(&format!("pesan bills show demo {BILL}")).out;
        assert!(
            text.contains("given back by sari") && text.contains("transfer balik"),
            "{text}"
        );
        assert_eq!(debtor.symbols(), symbols);
        assert_ne!(debtor.page().await.payment, "Review");
        let said = operator.is_refused(&back(BILL));
        assert!(said.contains("no such payment"), "{said}");
    }
}

#[tokio::test]
async fn a_record_for_the_wrong_bill_is_struck_out_and_the_bill_asks_again() {
    let debtor = Debtor::billed().await;
    let operator = &debtor.operator;
    debtor.cash(FEE);
    assert_eq!(debtor.symbols(), "PPPPP");
    let strike = |number: u32| {
        format!("pesan bills strike demo {BILL} --payment {number} --reason salah --by sari")
    };
    assert!(operator.is_refused(&strike(2)).contains("no such payment"));
    operator.is_refused(&strike(0));
    let said = operator.does(&strike(1)).out;
    assert!(said.contains("Rp150.000"), "{said}");
    assert!(
        operator
            .is_refused(&strike(1))
            .contains("struck out already")
    );
    assert_eq!(debtor.page().await.says(), (BILL, FEE, "Created"));
    assert_eq!(debtor.symbols(), "AUUUU", "the reminders come again");
    let shown = operator.does(&format!("pesan bills show demo {BILL}")).out;
    assert!(shown.contains("struck out by sari"), "{shown}");
    debtor.stack.set_clock("2026-12-07T10:00:00+07:00").await;
    debtor.stack.idle().await;
    assert_eq!(debtor.told().await.len(), 1, "a reminder");

    // What Midtrans told of is Midtrans' to take back.
    debtor.click().await;
    debtor.stack.bank(BILL, pay()).await;
    assert!(operator.is_refused(&strike(2)).contains("no such payment"));
}

#[tokio::test]
async fn a_bill_takes_money_that_comes_late() {
    let debtor = Debtor::billed().await;
    debtor.click().await;
    debtor.stack.advance("20h").await;
    debtor.stack.charge_for_a_day(BILL, FEE).await;
    debtor.stack.advance("5h").await;
    debtor.stack.bank(BILL, json!({"do": "pay"})).await;
    assert_eq!(debtor.page().await.says(), (BILL, FEE, "Paid"));
    assert_eq!(debtor.symbols(), "PPPPP");
}

#[tokio::test]
async fn b8_a_bill_whose_money_the_bank_takes_back_is_owed_again() {
    let debtor = Debtor::billed().await;
    debtor.click().await;
    debtor
        .stack
        .bank(BILL, json!({"do": "pay", "method": "permata_va"}))
        .await;
    assert_eq!(debtor.symbols(), "PPPPP");
    debtor.stack.bank(BILL, json!({"do": "reverse"})).await;
    let page = debtor.page().await;
    assert_eq!(page.says(), (BILL, FEE, "Reversed"));
    assert!(page.html.contains("Silakan bayar lagi"));
    assert!(page.html.contains("ditarik kembali bank"));
    assert_eq!(debtor.symbols(), "AUUUU");
    assert_eq!(debtor.stack.alarms().await, ["reversed"]);
    debtor.click().await;
    debtor.stack.bank(SECOND, pay()).await;
    assert_eq!(debtor.page().await.says(), (SECOND, FEE, "Paid"));
    assert_eq!(debtor.symbols(), "PPPPP");
}

#[tokio::test]
async fn a_refund_at_midtrans_is_recorded_in_part_and_in_full() {
    let debtor = Debtor::billed().await;
    debtor.click().await;
    debtor
        .stack
        .bank(BILL, json!({"do": "pay", "method": "gopay"}))
        .await;
    let part = json!({"do": "refund", "refund_amount": 50_000});
    debtor.stack.bank(BILL, part).await;
    assert_eq!(debtor.page().await.says(), (BILL, FEE, "PartlyRefunded"));
    assert_eq!(debtor.symbols(), "PPPPP");
    let rest = json!({"do": "refund", "refund_amount": 100_000});
    debtor.stack.bank(BILL, rest).await;
    assert_eq!(debtor.page().await.says(), (BILL, FEE, "Refunded"));
    assert_eq!(debtor.symbols(), "KKKKK");
    assert_eq!(debtor.click().await, debtor.path());
}

#[tokio::test]
async fn b17_money_for_a_bill_that_nobody_told_of_is_found_by_asking() {
    let debtor = Debtor::billed().await;
    debtor.click().await;
    let unheard = json!({"do": "pay", "method": "bca_va", "notify": false});
    debtor.stack.bank(BILL, unheard).await;
    assert_eq!(debtor.page().await.payment, "Created");
    debtor.stack.advance("20m").await;
    assert_eq!(debtor.page().await.payment, "Paid");
    assert_eq!(debtor.symbols(), "PPPPP");
    assert_eq!(debtor.told().await.len(), 1);
}

#[tokio::test]
async fn clicks_at_once_begin_one_attempt() {
    let debtor = Debtor::billed().await;
    let clicks = join_all((0..4).map(|_| debtor.stack.click_pay(&debtor.link))).await;
    let led: Vec<String> = clicks
        .into_iter()
        .filter(|(status, _)| *status == 303)
        .filter_map(|(_, location)| location)
        .collect();
    // Before the page is recorded another may be opened, but of the same order.
    assert!(!led.is_empty());
    assert!(led.contains(&debtor.click().await), "{led:?}");
    assert_eq!(debtor.page().await.order_id, BILL);
    assert_eq!(debtor.stack.transaction(SECOND).await, None);
    debtor.stack.bank(BILL, pay()).await;
    assert_eq!(debtor.page().await.says(), (BILL, FEE, "Paid"));
}

#[tokio::test]
async fn a_page_that_midtrans_does_not_open_says_so_and_keeps_the_bill() {
    let debtor = Debtor::billed().await;
    let fault = json!({"at": "midtrans", "fault": "timeout_before", "op": "transactions"});
    debtor.stack.fault(fault).await;
    let refused = debtor.stack.send_pay(&debtor.link, None).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.text().await.unwrap().contains("Tagihan Anda aman"));
    debtor.click().await;
    assert_eq!(debtor.page().await.says(), (BILL, FEE, "Created"));
}

#[tokio::test]
async fn b19_an_order_id_that_is_taken_is_ended_before_the_next_one_opens() {
    let debtor = Debtor::billed().await;
    let stack = &debtor.stack;
    let lost = json!({"at": "midtrans", "fault": "timeout_before", "op": "transactions"});
    stack.fault(lost).await;
    let refused = stack.send_pay(&debtor.link, None).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    // The order id is in use for something else, so Midtrans gives out no page for it.
    stack.charge_for_a_day(BILL, 1).await;
    debtor.click().await;
    let first = stack.transaction(BILL).await.unwrap();
    assert_eq!(first["status"], "expire", "ended before the next one opens");
    assert_eq!(debtor.page().await.says(), (SECOND, FEE, "Created"));
}

#[tokio::test]
async fn an_overdue_bill_says_so_kindly() {
    let debtor = Debtor::billed().await;
    debtor.stack.set_clock("2026-12-10T12:00:00+07:00").await;
    let page = debtor.page().await;
    assert!(page.html.contains("jatuh tempo hari ini"), "{}", page.html);
    debtor.stack.advance("24h").await;
    let page = debtor.page().await;
    assert!(page.html.contains("sudah lewat jatuh tempo"));
    assert_eq!(page.says(), (BILL, FEE, "Created"));
}

#[tokio::test]
async fn a_bill_that_is_called_off_asks_for_nothing() {
    let debtor = Debtor::billed().await;
    let void = format!("pesan bills void demo {BILL} --reason 'salah tagih' --by sari --json");
    assert_eq!(debtor.operator.does(&void).json()["state"], "Voided");
    let page = debtor.page().await;
    assert_eq!(page.says(), (BILL, FEE, "Cancelled"));
    assert!(page.html.contains("Tidak ada yang perlu dibayar"));
    assert_eq!(debtor.click().await, debtor.path());
    let said = debtor.operator.is_refused(&void);
    assert!(said.contains("Voided"), "{said}");
}

#[tokio::test]
async fn an_operator_lists_bills_and_records_what_came_and_went() {
    let debtor = Debtor::billed().await;
    let operator = &debtor.operator;
    let count = |line: &str| {
        let bills = operator.does(line).json()["bills"].clone();
        bills.as_array().unwrap().len()
    };
    let unpaid = "pesan bills list demo --period 2026-11 --unpaid --json";
    assert_eq!(count(unpaid), 25);
    let too_much =
        format!("pesan bills pay demo {BILL} --amount 150001 --source transfer --by sari");
    let said = operator.is_refused(&too_much);
    assert!(said.contains("at most Rp150.000"), "{said}");
    debtor.cash(50_000);
    let shown = debtor.shown();
    assert_eq!(shown["remaining"], 100_000);
    assert_eq!(shown["payments"][0]["source"], "cash");
    assert_eq!(shown["payments"][0]["by"], "sari");
    assert_eq!(count(unpaid), 25);
    debtor.cash(100_000);
    assert_eq!(count(unpaid), 24);
    assert_eq!(count("pesan bills list demo --period 2026-11 --json"), 25);
    let refund = format!("pesan bills refund demo {BILL} --reason batal --by sari --json");
    let back = operator.does(&refund).json();
    assert_eq!(back["refunds"][0]["amount"], FEE);
    assert_eq!(
        (&back["state"], &back["remaining"]),
        (&json!("Refunded"), &json!(0))
    );
    let page = debtor.page().await;
    assert_eq!(page.payment, "Refunded");
    operator.is_refused("pesan bills list demo --period 2026-13");
    operator.is_refused("pesan bills list demo --period 2026-10");
    operator.is_refused("pesan bills show demo B-202611-nobody");
}

#[tokio::test]
async fn j1_money_by_hand_whose_answer_is_lost_is_recorded_once() {
    let debtor = Debtor::billed().await;
    let kept = |came: usize, went: usize, remaining: u64| {
        let shown = debtor.shown();
        let count = |what: &str| shown[what].as_array().unwrap().len();
        assert_eq!((count("payments"), count("refunds")), (came, went));
        assert_eq!(shown["remaining"], remaining);
    };
    let lose = async |times: usize| {
        debtor.stack.end_faults().await;
        let lost =
            json!({"at": "dynamodb", "fault": "timeout_after", "op": "PutItem", "times": times});
        debtor.stack.fault(lost).await;
    };
    let back = format!("pesan bills refund demo {BILL} --amount 50000 --reason batal --by sari");
    // Once: the client tries again and loses against itself. As often as it tries: it hears nothing.
    for (nth, times) in [(1, 1), (2, 100)] {
        lose(times).await;
        debtor.cash(50_000);
        kept(nth, nth - 1, 100_000);
        lose(times).await;
        debtor.operator.does(&back);
        kept(nth, nth, FEE);
    }
    lose(100).await;
    debtor.cash(FEE);
    kept(3, 2, 0);
    assert_eq!(debtor.symbols(), "PPPPP");
}

#[tokio::test]
async fn an_operator_who_repeats_a_reference_is_told_when_it_was_recorded() {
    let debtor = Debtor::billed().await;
    let operator = &debtor.operator;
    let pay = format!(
        "pesan bills pay demo {BILL} --amount 50000 --source cash --by sari --reference KW-17"
    );
    operator.does(&pay);
    let before = debtor.shown();
    assert_eq!(before["payments"][0]["reference"], "KW-17");
    let said = operator.is_refused(&pay);
    let at = before["payments"][0]["at"].as_str().unwrap();
    assert!(
        said.contains(&format!("recorded before, at {at}")),
        "{said}"
    );
    assert_eq!(debtor.shown(), before);
    let back = format!("pesan bills refund demo {BILL} --reason batal --by sari --reference TRF-9");
    operator.does(&back);
    let said = operator.is_refused(&back);
    assert!(said.contains("recorded before, at "), "{said}");
    assert_eq!(debtor.shown()["refunds"].as_array().unwrap().len(), 1);
    let text = operator.does(&format!("pesan bills show demo {BILL}")).out;
    assert!(
        text.contains("cash, sari, KW-17") && text.contains("by sari, TRF-9"),
        "{text}"
    );
    let said = operator.is_refused(&pay.replace("KW-17", "''"));
    assert!(said.contains("reference"), "{said}");
}

#[tokio::test]
async fn b10_a_refund_at_midtrans_of_what_was_given_back_by_hand_is_an_alarm() {
    let debtor = Debtor::billed().await;
    debtor.click().await;
    debtor
        .stack
        .bank(BILL, json!({"do": "pay", "method": "gopay"}))
        .await;
    let back = format!("pesan bills refund demo {BILL} --amount 50000 --reason diskon --by sari");
    debtor.operator.does(&back);
    assert_eq!(debtor.page().await.says(), (BILL, FEE, "PartlyRefunded"));
    debtor.stack.bank(BILL, json!({"do": "refund"})).await;
    assert_eq!(debtor.page().await.says(), (BILL, FEE, "Refunded"));
    assert_eq!(debtor.symbols(), "KKKKK");
    assert_eq!(debtor.shown()["lost"], 50_000);
    assert_eq!(debtor.stack.alarms().await, ["given back twice"]);
    let transaction = debtor.stack.transaction_id(BILL).await;
    assert_eq!(debtor.stack.waiting("owed").await, [transaction]);
    let text = debtor
        .operator
        .does(&format!("pesan bills show demo {BILL}"));
    assert!(text.out.contains("Rp50.000, given back twice"), "{text:?}");
}

#[tokio::test]
async fn a_bill_that_was_tried_too_often_sends_its_subscriber_to_the_shop() {
    let debtor = Debtor::billed().await;
    let stack = &debtor.stack;
    // Each part that comes in cash makes the next click an attempt of its own.
    debtor.click().await;
    for _ in 2..=19 {
        debtor.cash(1_000);
        debtor.click().await;
    }
    assert_eq!(stack.alarms().await, [""; 0]);
    debtor.cash(1_000);
    let lost = json!({"at": "midtrans", "fault": "timeout_before", "op": "transactions"});
    stack.fault(lost).await;
    let refused = stack.send_pay(&debtor.link, None).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    let last = format!("{BILL}-A20");
    assert_eq!(stack.alarms().await, ["last attempt at paying"]);
    // Its order id is in use by now: Midtrans gives out no page for it, and it lives on.
    stack.charge_for_a_day(&last, 1).await;
    let sent_to_the_shop = async || {
        let clicked = stack.send_pay(&debtor.link, None).await;
        assert_eq!(clicked.status(), StatusCode::CONFLICT);
        let said = clicked.text().await.unwrap();
        assert!(said.contains("Silakan hubungi"), "{said}");
        assert!(!said.contains("<form"), "{said}");
        let live = stack.transaction(&last).await.unwrap();
        assert_eq!(live["status"], "pending", "nothing follows it");
    };
    sent_to_the_shop().await;
    debtor.cash(1_000);
    let page = debtor.page().await;
    assert_eq!(page.says(), (last.as_str(), 130_000, "Created"));
    assert!(!page.html.contains("<form"), "{}", page.html);
    assert!(page.html.contains("Silakan hubungi"), "{}", page.html);
    sent_to_the_shop().await;
    assert_eq!(stack.alarms().await, ["last attempt at paying"]);
}

#[tokio::test]
async fn b11_a_bill_that_nobody_clicked_on_has_no_payment_to_be_told_of() {
    let debtor = Debtor::billed().await;
    let body = notification(BILL, "t-1", "settlement", "200", "150000.00");
    assert_eq!(debtor.stack.notify(&body).await.status(), 404);
    assert_eq!(debtor.page().await.payment, "Created");
}

/// What a link to the bot sends when it is followed.
fn payload(link: &str) -> String {
    let (_, payload) = link.split_once("?start=").unwrap();
    format!("/start {payload}")
}

#[tokio::test]
async fn a_subscriber_links_a_chat_once_and_gets_the_receipt_there_after_stop() {
    let debtor = Debtor::billed().await;
    let stack = &debtor.stack;
    let of = |subscriber: &str| {
        let line = format!("pesan subscribers link demo {subscriber} --json");
        let link = debtor.operator.does(&line).json()["link"].clone();
        let link = link.as_str().unwrap().to_owned();
        stack.keep_private(link.rsplit('_').next().unwrap());
        link
    };
    let link = of("plg-001");
    assert!(link.contains("/demo_bot?start=s_plg-001_"), "{link}");
    let (own, other) = (stack.customer(7), stack.customer(8));
    // Forged: another subscriber's proof, a proof cut short, none.
    for forged in [
        payload(&link).replace("plg-001", "plg-002"),
        payload(&link.replace("plg-001", "plg-001-x")),
        payload(&link[..link.len() - 1]),
        "/start s_plg-001_".to_owned(),
    ] {
        let said = other.say(&forged).await;
        assert!(said.text.contains("tidak berlaku"), "{forged}: {said:?}");
    }
    let said = own.say(&payload(&link)).await;
    assert!(said.text.contains("Chat ini sudah terhubung"), "{said:?}");
    let again = own.say(&payload(&link)).await;
    assert!(again.text.contains("Chat ini sudah terhubung"), "{again:?}");
    let used = other.say(&payload(&link)).await;
    assert!(used.text.contains("sudah dipakai"), "{used:?}");
    let chat = || {
        let shown = debtor
            .operator
            .does("pesan subscribers show demo plg-001 --json")
            .json();
        shown["telegram_chat"].clone()
    };
    assert_eq!(chat(), 7);

    // The chat is taken out: a link that was followed once opens the way to nobody again.
    let path = "/v1/subscribers/plg-001";
    let take_out = stack.request(Method::PATCH, path).bearer_auth(API_KEY);
    let taken_out = take_out.json(&json!({"telegram_chat": null})).send().await;
    assert_eq!(taken_out.unwrap().status(), 200);
    for customer in [&other, &own] {
        let used = customer.say(&payload(&link)).await;
        assert!(used.text.contains("sudah dipakai"), "{used:?}");
    }
    own.say(&payload(&of("plg-001"))).await;
    assert_eq!(chat(), 7);

    // WhatsApp is not wanted any more: the receipt goes to the chat.
    stack.writes(&debtor.phone, "STOP", 1).await;
    let phone = debtor.told().await;
    debtor.click().await;
    stack.bank(BILL, pay()).await;
    let receipt = own.newest().await;
    assert!(receipt.text.contains("Rp150.000"), "{receipt:?}");
    assert!(receipt.text.contains(debtor.path()), "{receipt:?}");
    assert_eq!(debtor.told().await, phone);
    stack.bank(BILL, json!({"do": "reverse"})).await;
    let reversed = own.newest().await;
    assert!(
        reversed.text.contains("dibatalkan oleh bank"),
        "{reversed:?}"
    );

    // A new link leads to another chat.
    let moved = other.say(&payload(&of("plg-001"))).await;
    assert!(moved.text.contains("Chat ini sudah terhubung"), "{moved:?}");
    assert_eq!(chat(), 8);
}

#[tokio::test]
async fn an_exchanged_link_key_closes_no_bill_and_a_revoked_one_closes_all() {
    let debtor = Debtor::billed().await;
    let operator = &debtor.operator;
    let rotated = operator.does("pesan link-key rotate --json").json();
    assert_eq!(rotated, json!({"bookings": 0, "bills": 25}));
    let next = debtor.link_of(BILL);
    assert_ne!(next, debtor.link);
    let path_of = |link: &str| {
        let path = link.strip_prefix(debtor.stack.base_url());
        path.unwrap().to_owned()
    };
    for link in [&debtor.link, &next] {
        let page = debtor.page_at(&path_of(link)).await;
        assert_eq!(page.says(), (BILL, FEE, "Created"));
    }
    let reissued = operator.does("pesan link-key reissue").out;
    assert!(reissued.contains("0 bookings and 25 bills"), "{reissued}");

    operator.does("pesan link-key rotate --revoke");
    // Those under the key before the last one too.
    for link in [&debtor.link, &next] {
        assert_eq!(debtor.stack.get(&path_of(link)).await.0, 404);
    }
    let last = debtor.link_of(BILL);
    assert_eq!(debtor.page_at(&path_of(&last)).await.payment, "Created");
}
