//! Money for a bill that comes and goes at the same moment as something else, and answers that are
//! lost on the way back: one of the allowed ends, and the sums are right.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

mod support;

use std::pin::{Pin, pin};
use std::sync::Arc;

use pesan_domain::billing::{Bill, BillState, Reason, Refused, RunId, Source, Struck, Track, Who};
use pesan_domain::calendar::Zone;
use pesan_domain::ids::OrderId;
use pesan_domain::money::Rupiah;
use pesan_domain::payment::PaymentState;
use pesan_service::App;
use pesan_service::billing::{self, BillingError, ByHand, Driven, Kind};
use serde_json::{Value, json};
use support::billing::*;
use support::gate::{Fault, Gate};
use support::{World, at, notified, shop};

const PART: Rupiah = Rupiah::new(50_000);

/// A world with a bill that was told, and a gate before the table for one of two who act.
struct Shop {
    world: World,
    gate: Arc<Gate>,
    /// Whose calls pass the gate.
    gated: App,
}

/// What came of two who act at once.
type Crossed<'a, A, B> = Pin<Box<dyn Future<Output = Option<(A, B)>> + 'a>>;

impl Shop {
    async fn billed() -> Self {
        let world = opened(&["ani"]).await;
        month_end(&world.app).await;
        settle_down(&world).await;
        let table = world.variables.iter();
        let table = table
            .clone()
            .find(|(name, _)| name == "AWS_ENDPOINT_URL_DYNAMODB");
        let (gate, url) = Gate::before(table.unwrap().1.clone()).await;
        let gated = world.app_over(&url);
        Self { world, gate, gated }
    }

    async fn bill(&self) -> Bill {
        let cell = billing::cell(&self.world.app, &demo(), &bill("ani")).await;
        cell.unwrap().unwrap().bill.unwrap()
    }

    async fn symbols(&self) -> String {
        let cell = billing::cell(&self.world.app, &demo(), &bill("ani")).await;
        let cell = cell.unwrap().unwrap();
        cell.marks.values().map(|mark| mark.symbol.name()).collect()
    }

    /// The subscriber clicks, and what Midtrans will say when they have paid.
    async fn clicked(&self) -> Value {
        let app = &self.world.app;
        let cell = billing::cell(app, &demo(), &bill("ani")).await.unwrap();
        let (cell, payment) = cell.unwrap().next_attempt(app.clock.now()).unwrap();
        let begun = app.store.begin_attempt(&shop(), &cell, &payment).await;
        begun.unwrap();
        let order = payment.order_id.as_str();
        let body = json!({
            "order_id": order,
            "transaction_id": format!("t-{order}"),
            "transaction_status": "settlement",
            "status_code": "200",
            "gross_amount": "150000.00",
            "fraud_status": "accept",
        });
        *self.world.stand.status.lock().unwrap() = body.clone();
        body
    }

    async fn payment(&self, body: &Value) -> PaymentState {
        let order = OrderId::parse(body["order_id"].as_str().unwrap()).unwrap();
        let payment = self.world.app.store.payment(&demo(), &order).await;
        payment.unwrap().unwrap().state
    }

    async fn waiting(&self, task: &str) -> usize {
        self.world.rows(&format!("M#demo#WAIT#{task}")).await.len()
    }

    /// `first`, whose calls pass the gate, waits before its `nth` until `second` is done. None where
    /// it has no such call.
    fn crossed<'a, A, B>(
        &'a self,
        nth: usize,
        first: impl Future<Output = A> + 'a,
        second: impl Future<Output = B> + 'a,
    ) -> Crossed<'a, A, B> {
        Box::pin(async move {
            self.gate.order(nth, Fault::Waits);
            let mut first = pin!(first);
            tokio::select! {
                _ = &mut first => return None,
                () = self.gate.died.notified() => {}
            }
            let second = second.await;
            self.gate.goes_on.notify_one();
            Some((first.await, second))
        })
    }
}

async fn cash(app: &App, amount: Rupiah) -> Result<BillState, BillingError> {
    let received = by_hand(amount, ByHand::Cash);
    let paid = billing::pay_by_hand(app, &demo(), &bill("ani"), &received).await?;
    Ok(paid.bill.unwrap().state())
}

async fn void(app: &App) -> Result<BillState, BillingError> {
    let reason = Reason::new("salah tagih").unwrap();
    let who = Who::new("sari").unwrap();
    let voided = billing::void(app, &demo(), &bill("ani"), &reason, &who).await?;
    Ok(voided.bill.unwrap().state())
}

async fn refund(app: &App, amount: Rupiah) -> Result<BillState, BillingError> {
    let returned = billing::Returned {
        slip: a_slip(),
        amount: Some(amount),
        reason: Reason::new("batal").unwrap(),
        reference: None,
        by: Who::new("sari").unwrap(),
    };
    let back = billing::refund(app, &demo(), &bill("ani"), &returned).await?;
    Ok(back.bill.unwrap().state())
}

/// Counts what waits of the first attempt.
async fn accept(app: &App) -> Result<BillState, BillingError> {
    let accepted = billing::Accepted {
        order: OrderId::parse(bill("ani").as_str()).unwrap(),
        amount: None,
        by: Who::new("sari").unwrap(),
    };
    let accepted = billing::accept(app, &demo(), &bill("ani"), &accepted).await?;
    Ok(accepted.bill.unwrap().state())
}

/// Records that what waits of the first attempt went back.
async fn give_back(app: &App) -> Result<BillState, BillingError> {
    let order = OrderId::parse(bill("ani").as_str()).unwrap();
    let struck = Struck {
        by: Who::new("sari").unwrap(),
        reason: Reason::new("transfer balik").unwrap(),
    };
    let back = billing::give_back_uncounted(app, &demo(), &bill("ani"), &order, &struck).await?;
    Ok(back.bill.unwrap().state())
}

const CLOSED: BillingError = BillingError::Refused(Refused::Closed(BillState::Paid));

/// What came of money by hand, or of calling the bill off, beside money from Midtrans. Whether the
/// latter was first.
async fn one_of_two(shop: &Shop, by_hand: Result<BillState, BillingError>, body: &Value) -> bool {
    let (bill, payment) = (shop.bill().await, shop.payment(body).await);
    let online = |bill: &Bill| matches!(bill.instalments[..], [ref one] if matches!(one.source, Source::Online(_)));
    match by_hand {
        Ok(state) => {
            // The money from Midtrans is for a person.
            assert_eq!((bill.state(), payment), (state, PaymentState::Review));
            assert_eq!(shop.waiting("review").await, 1);
            assert!(!online(&bill));
            false
        }
        Err(refused) => {
            assert_eq!(refused, CLOSED);
            assert_eq!(
                (bill.state(), payment),
                (BillState::Paid, PaymentState::Paid)
            );
            assert_eq!(shop.waiting("review").await, 0);
            assert!(online(&bill) && bill.kept() == FEE);
            true
        }
    }
}

#[tokio::test]
async fn cash_and_money_from_midtrans_at_once_pay_a_bill_once() {
    let mut online_first = vec![];
    for is_cash_late in [true, false] {
        for nth in 1.. {
            let shop = Shop::billed().await;
            let body = shop.clicked().await;
            let app = &shop.world.app;
            let by_hand = if is_cash_late {
                let crossed = shop.crossed(nth, cash(&shop.gated, FEE), notified(app, &body));
                crossed.await.map(|(cash, ())| cash)
            } else {
                let crossed = shop.crossed(nth, notified(&shop.gated, &body), cash(app, FEE));
                crossed.await.map(|((), cash)| cash)
            };
            let Some(by_hand) = by_hand else { break };
            online_first.push(one_of_two(&shop, by_hand, &body).await);
            let bill = shop.bill().await;
            assert_eq!((bill.instalments.len(), bill.kept()), (1, FEE));
            assert_eq!(shop.symbols().await, "PPPPP");
        }
    }
    // Each reads and then writes: whoever waits before either finds what the other did.
    assert_eq!(online_first, [true, true, false, false]);
}

#[tokio::test]
async fn c11_a_bill_that_is_paid_and_called_off_at_once_is_one_of_both() {
    let mut online_first = vec![];
    for is_void_late in [true, false] {
        for nth in 1.. {
            let shop = Shop::billed().await;
            let body = shop.clicked().await;
            let app = &shop.world.app;
            let voided = if is_void_late {
                let crossed = shop.crossed(nth, void(&shop.gated), notified(app, &body));
                crossed.await.map(|(voided, ())| voided)
            } else {
                let crossed = shop.crossed(nth, notified(&shop.gated, &body), void(app));
                crossed.await.map(|((), voided)| voided)
            };
            let Some(voided) = voided else { break };
            let is_paid = one_of_two(&shop, voided, &body).await;
            online_first.push(is_paid);
            let expected = if is_paid { "PPPPP" } else { "KUUUU" };
            assert_eq!(shop.symbols().await, expected);
            if !is_paid {
                assert_eq!(shop.bill().await.instalments, []);
            }
        }
    }
    // Each reads and then writes: whoever waits before either finds what the other did.
    assert_eq!(online_first, [true, true, false, false]);
}

/// The day of the first reminder: its run has begun, and this is the shard of the bill.
async fn reminded(shop: &Shop) -> billing::Shard {
    let nine = "2026-12-07T09:00:00+07:00";
    shop.world.set(nine);
    let begun = billing::begin_zone(&shop.world.app, Zone::Jakarta, Kind::Reminders, at(nine));
    assert!(begun.await.unwrap() > 0);
    let offset = match Track::parse("d-3").unwrap() {
        Track::Reminder(offset) => offset,
        Track::Bill => unreachable!(),
    };
    let run = RunId::Reminder {
        period: november(),
        offset,
        date: jiff::civil::date(2026, 12, 7),
    };
    shard_of(run, pesan_adapters::dynamodb::subscriber_shard(&id("ani"))).await
}

#[tokio::test]
async fn d11_cash_while_a_reminder_is_made_is_recorded_once_and_nobody_is_reminded() {
    let mut reminders = vec![];
    for is_cash_late in [true, false] {
        for nth in 1.. {
            let shop = Shop::billed().await;
            let shard = reminded(&shop).await;
            let app = &shop.world.app;
            let driven = |driven: Result<Driven, _>| assert!(driven.is_ok(), "{driven:?}");
            let paid = if is_cash_late {
                let drive = billing::drive(app, &shard, in_time());
                let crossed = shop.crossed(nth, cash(&shop.gated, FEE), drive).await;
                crossed.map(|(paid, drove)| {
                    driven(drove);
                    paid
                })
            } else {
                let drive = billing::drive(&shop.gated, &shard, in_time());
                let crossed = shop.crossed(nth, drive, cash(app, FEE)).await;
                crossed.map(|(drove, paid)| {
                    driven(drove);
                    paid
                })
            };
            let Some(paid) = paid else { break };
            assert_eq!(paid, Ok(BillState::Paid));
            reminders.push(shop.world.messages().await.len() - 1);
            settle_down(&shop.world).await;
            let bill = shop.bill().await;
            assert_eq!((bill.instalments.len(), bill.kept()), (1, FEE));
            assert_eq!(shop.symbols().await, "PPPPP");
            assert_eq!(
                shop.world.told(),
                1,
                "the bill, and no reminder of what is paid"
            );
            let messages = shop.world.messages().await;
            assert!(messages.iter().all(|one| !one.message.state.is_open()));
        }
    }
    // The reminder was made, and dropped when it was to leave; or it was not made.
    assert!(
        reminders.contains(&0) && reminders.contains(&1),
        "{reminders:?}"
    );
}

#[tokio::test]
async fn j1_a_lost_answer_records_money_by_hand_once() {
    for fault in [Fault::Fails, Fault::Loses] {
        for nth in 1.. {
            let shop = Shop::billed().await;
            shop.gate.order(nth, fault);
            assert_eq!(cash(&shop.gated, PART).await, Ok(BillState::Owed));
            let is_met = shop.gate.is_over();
            assert_eq!(shop.bill().await.kept(), PART, "{nth} {fault:?}");
            shop.gate.order(nth, fault);
            assert_eq!(refund(&shop.gated, PART).await, Ok(BillState::Owed));
            let bill = shop.bill().await;
            assert_eq!((bill.kept(), bill.refunded()), (Rupiah::ZERO, PART));
            shop.gate.order(nth, fault);
            assert_eq!(cash(&shop.gated, FEE).await, Ok(BillState::Paid));
            let bill = shop.bill().await;
            assert_eq!((bill.kept(), bill.instalments.len()), (FEE, 2));

            let shop = Shop::billed().await;
            shop.gate.order(nth, fault);
            assert_eq!(void(&shop.gated).await, Ok(BillState::Voided));
            if !is_met {
                break;
            }
        }
    }
}

impl Shop {
    /// What Midtrans says from now on, and tells.
    async fn tells(&self, body: &mut Value, told: Value) {
        for (field, value) in told.as_object().unwrap() {
            body[field] = value.clone();
        }
        *self.world.stand.status.lock().unwrap() = body.clone();
        notified(&self.world.app, body).await;
    }
}

#[tokio::test]
async fn j1_a_lost_answer_decides_about_money_once() {
    for fault in [Fault::Fails, Fault::Loses] {
        for nth in 1.. {
            let shop = Shop::billed().await;
            let mut body = shop.clicked().await;
            let wrong = json!({"gross_amount": "300000.00"});
            shop.tells(&mut body, wrong).await;
            shop.gate.order(nth, fault);
            assert_eq!(accept(&shop.gated).await, Ok(BillState::Paid));
            let is_met = shop.gate.is_over();
            let paid = shop.bill().await;
            assert_eq!((paid.kept(), paid.instalments.len()), (FEE, 1));
            assert_eq!(shop.payment(&body).await, PaymentState::Paid);
            assert_eq!(shop.waiting("review").await, 0);
            shop.gate.order(nth, fault);
            assert_eq!(give_back(&shop.gated).await, Ok(BillState::Paid));
            let paid = shop.bill().await;
            assert_eq!((paid.kept(), paid.instalments.len()), (FEE, 2));
            assert_eq!(shop.payment(&body).await, PaymentState::Paid);
            if !is_met {
                break;
            }
        }
    }
}

#[tokio::test]
async fn b3_what_more_came_than_a_bill_asks_for_goes_back_and_the_bill_stays_paid() {
    let shop = Shop::billed().await;
    let mut body = shop.clicked().await;
    let wrong = json!({"gross_amount": "300000.00"});
    shop.tells(&mut body, wrong).await;
    assert_eq!(shop.payment(&body).await, PaymentState::Review);
    assert_eq!(shop.bill().await.in_review[0].amount, Rupiah::new(300_000));
    assert_eq!(accept(&shop.world.app).await, Ok(BillState::Paid));
    let back = json!({"transaction_status": "partial_refund", "refund_amount": "150000.00"});
    shop.tells(&mut body, back).await;
    let bill = shop.bill().await;
    assert_eq!((bill.state(), bill.kept()), (BillState::Paid, FEE));
    assert_eq!(shop.symbols().await, "PPPPP");
    assert_eq!(shop.payment(&body).await, PaymentState::PartlyRefunded);
}

#[tokio::test]
async fn b3_money_in_review_that_goes_back_in_parts_waits_for_nobody_in_the_end() {
    for last in ["refund", "chargeback"] {
        let shop = Shop::billed().await;
        let mut body = shop.clicked().await;
        let wrong = json!({"gross_amount": "15000.00"});
        shop.tells(&mut body, wrong).await;
        let part = json!({"transaction_status": "partial_refund", "refund_amount": "5000.00"});
        shop.tells(&mut body, part).await;
        assert_eq!(shop.waiting("review").await, 1);
        assert_eq!(shop.bill().await.in_review[0].amount, Rupiah::new(10_000));
        let rest = json!({"transaction_status": last, "refund_amount": "15000.00"});
        shop.tells(&mut body, rest).await;
        assert_eq!(shop.waiting("review").await, 0, "{last}");
        assert_eq!(shop.bill().await.in_review, []);
    }
}

#[tokio::test]
async fn b3_of_money_in_review_no_more_counts_than_came() {
    let shop = Shop::billed().await;
    let mut body = shop.clicked().await;
    let wrong = json!({"gross_amount": "15000.00"});
    shop.tells(&mut body, wrong).await;
    assert_eq!(accept(&shop.world.app).await, Ok(BillState::Owed));
    assert_eq!(shop.bill().await.kept(), Rupiah::new(15_000));
}

#[tokio::test]
async fn j1_a_record_whose_answer_was_lost_is_found_below_what_was_written_since() {
    let shop = Shop::billed().await;
    // The cell is read, and then written.
    shop.gate.order(2, Fault::LosesLate);
    let others = async {
        shop.gate.died.notified().await;
        let paid = cash(&shop.world.app, PART).await;
        shop.gate.goes_on.notify_one();
        paid
    };
    let both = tokio::join!(cash(&shop.gated, PART), others);
    assert_eq!(both, (Ok(BillState::Owed), Ok(BillState::Owed)));
    let bill = shop.bill().await;
    let amounts: Vec<Rupiah> = bill.instalments.iter().map(|one| one.amount).collect();
    assert_eq!(amounts, [PART, PART]);
}

#[tokio::test]
async fn b10_what_midtrans_gave_back_beside_money_given_back_by_hand_waits_for_a_person() {
    let shop = Shop::billed().await;
    let mut body = shop.clicked().await;
    notified(&shop.world.app, &body).await;
    assert_eq!(refund(&shop.world.app, PART).await, Ok(BillState::Paid));
    body["transaction_status"] = json!("refund");
    body["refund_amount"] = json!("150000.00");
    *shop.world.stand.status.lock().unwrap() = body.clone();
    notified(&shop.world.app, &body).await;
    let bill = shop.bill().await;
    assert_eq!((bill.state(), bill.lost), (BillState::Refunded, PART));
    assert_eq!(shop.payment(&body).await, PaymentState::Refunded);
    assert_eq!(shop.symbols().await, "KKKKK");
    assert_eq!(shop.waiting("owed").await, 1);
}

#[tokio::test]
async fn b10_a_refund_that_a_bill_has_no_room_for_waits_for_a_person() {
    let shop = Shop::billed().await;
    let mut body = shop.clicked().await;
    notified(&shop.world.app, &body).await;
    for _ in 0..24 {
        let back = refund(&shop.world.app, Rupiah::new(1)).await;
        assert_eq!(back, Ok(BillState::Paid));
    }
    body["transaction_status"] = json!("refund");
    *shop.world.stand.status.lock().unwrap() = body.clone();
    notified(&shop.world.app, &body).await;
    assert_eq!(shop.payment(&body).await, PaymentState::Refunded);
    assert_eq!(shop.bill().await.state(), BillState::Paid);
    assert_eq!(shop.waiting("owed").await, 1);
}

#[tokio::test]
async fn b10_money_given_back_by_hand_that_the_bank_takes_too_is_lost_and_the_bill_owed_again() {
    let shop = Shop::billed().await;
    let mut body = shop.clicked().await;
    notified(&shop.world.app, &body).await;
    assert_eq!(refund(&shop.world.app, PART).await, Ok(BillState::Paid));
    body["transaction_status"] = json!("chargeback");
    *shop.world.stand.status.lock().unwrap() = body.clone();
    notified(&shop.world.app, &body).await;
    let bill = shop.bill().await;
    assert_eq!((bill.state(), bill.lost), (BillState::Owed, PART));
    assert_eq!(shop.waiting("owed").await, 1);
    assert_eq!(
        cash(&shop.world.app, bill.remaining()).await,
        Ok(BillState::Paid)
    );
    assert!(shop.bill().await.settled_at.is_some());
    assert_eq!(shop.symbols().await, "PPPPP");
}
