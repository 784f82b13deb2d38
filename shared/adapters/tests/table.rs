//! The table's commits against an embedded DynamoDB, spoken to by the real client.

#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

mod support;

use jiff::Timestamp;
use jiff::civil::{date, time};
use pesan_adapters::dynamodb::{
    Booking, ChatRecord, Event, EventOutcome, Found, Look, PaidFor, PhoneState, Settlement, Store,
    StoreError, SubjectMove,
};
use pesan_domain::calendar::{SlotTime, Zone};
use pesan_domain::dialogue::{Chat, Dialogue, Note, NumberTold};
use pesan_domain::ids::{BookingCode, ItemId, MerchantId, OrderId};
use pesan_domain::language::Language;
use pesan_domain::merchant::{Merchant, MidtransAccount, MidtransEnvironment, Slots};
use pesan_domain::message::Category;
use pesan_domain::message::activation::Activation;
use pesan_domain::message::text::Kind;
use pesan_domain::money::Rupiah;
use pesan_domain::payment::{Payment, PaymentState};
use pesan_domain::reservation::{Order, Reservation, ReservationState};
use pesan_domain::whatsapp::{
    ConsentSource, News, Phone, Quality, Registered, SharedPhone, TemplateStatus, WhatsAppAccount,
};
use support::store;

fn shop() -> Merchant {
    Merchant {
        id: MerchantId::parse("demo").unwrap(),
        name: "Demo".to_owned(),
        about_id: "Servis ponsel".to_owned(),
        about_en: "Phone repair".to_owned(),
        zone: Zone::Jakarta,
        bot_username: Some("demo_bot".to_owned()),
        midtrans: Some(MidtransAccount {
            merchant_id: "G000000001".to_owned(),
            client_key: "client".to_owned(),
            environment: MidtransEnvironment::Sandbox,
        }),
        whatsapp: None,
        messaging: pesan_domain::messaging::Messaging::default(),
        reminders: pesan_domain::billing::Reminders::default(),
        slots: Slots::new(vec![slot()]).unwrap(),
        seats_per_slot: 1,
        closed_weekdays: vec![],
        closed_dates: vec![date(2026, 12, 25)],
        horizon_days: 60,
        hold_minutes: 60,
        version: 0,
    }
}

fn slot() -> SlotTime {
    SlotTime {
        start: time(9, 0, 0, 0),
        end: time(11, 0, 0, 0),
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// One customer's *Book Now* for the one seat of the morning.
struct Customer {
    chat: ChatRecord,
    reservation: Reservation,
    payment: Payment,
    hash: String,
}

impl Customer {
    fn new(number: u32, now: Timestamp) -> Self {
        let code = BookingCode::from_number(number);
        let order_id = OrderId::of(&code, 1);
        let held_until = now + jiff::SignedDuration::from_mins(60);
        let mut chat = Chat::new(Language::Indonesian, "Budi".to_owned());
        chat.version = 1;
        chat.dialogue = Dialogue::Booked { code: code.clone() };
        let id = -1_001_234_567_890_123 - i64::from(number);
        Self {
            chat: ChatRecord::new(id, Chat::new(Language::Indonesian, String::new()))
                .after(i64::from(number), chat),
            payment: Payment::new(order_id.clone(), Rupiah::new(70_000), held_until, now),
            reservation: Reservation {
                code,
                chat: id,
                customer_name: "Budi".to_owned(),
                language: Language::Indonesian,
                item: ItemId::parse("iphone-x-battery").unwrap(),
                device: "iPhone X".to_owned(),
                part: "Battery".to_owned(),
                price: Rupiah::new(70_000),
                date: date(2026, 12, 5),
                slot: slot(),
                seat: 1,
                state: ReservationState::Held,
                held_until,
                made_at: now,
                order_id,
                version: 1,
            },
            hash: format!("hash-{number}"),
        }
    }

    async fn book(&self, store: &Store, now: Timestamp) -> Result<(), StoreError> {
        let booking = Booking {
            chat: &self.chat,
            reservation: &self.reservation,
            payment: &self.payment,
            link_hash: &self.hash,
            now,
        };
        store.book(&shop(), &booking).await
    }
}

async fn booking(store: &Store, code: &BookingCode) -> Option<Order> {
    let look = Look {
        booking: Some(code),
        ..Look::default()
    };
    store.look(&shop().id, look).await.unwrap().order
}

async fn chat(store: &Store, id: i64) -> Option<ChatRecord> {
    let look = Look {
        chat: Some(id),
        ..Look::default()
    };
    store.look(&shop().id, look).await.unwrap().chat
}

/// Whether the morning's one seat can be sold at `now`.
async fn seat_is_free(store: &Store, now: Timestamp) -> bool {
    let shop = shop();
    let look = Look {
        seats: Some((&shop, date(2026, 12, 5), now)),
        ..Look::default()
    };
    let Found { day, .. } = store.look(&shop.id, look).await.unwrap();
    day.unwrap().free_seat(&shop, &slot()).is_some()
}

fn now() -> Timestamp {
    at("2026-12-01T08:00:00+07:00")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c1_a_hundred_customers_race_for_one_seat_and_one_gets_it() {
    let store = store().await;
    let race = (0..100).map(|number| {
        let store = store.clone();
        tokio::spawn(async move { Customer::new(number, now()).book(&store, now()).await })
    });
    let mut won = 0;
    for outcome in race.collect::<Vec<_>>() {
        match outcome.await.unwrap() {
            Ok(()) => won += 1,
            Err(error) => assert_eq!(error, StoreError::SeatTaken),
        }
    }
    assert_eq!(won, 1);
    assert!(!seat_is_free(&store, now()).await);
}

#[tokio::test]
async fn a_loser_leaves_no_trace_and_the_winner_reads_back_whole() {
    let store = store().await;
    let (first, second) = (Customer::new(1, now()), Customer::new(2, now()));
    first.book(&store, now()).await.unwrap();
    assert_eq!(second.book(&store, now()).await, Err(StoreError::SeatTaken));

    let shop = shop();
    let order = booking(&store, &first.reservation.code).await.unwrap();
    assert_eq!(order.reservation, first.reservation);
    assert_eq!(order.payment, first.payment);
    let link = store.link(&first.hash).await.unwrap();
    assert_eq!(
        link,
        Some((shop.id.clone(), first.reservation.code.clone()))
    );
    let record = chat(&store, first.chat.id).await.unwrap();
    assert_eq!(record.chat, first.chat.chat);
    assert!(record.has_taken(1) && !record.has_taken(2));

    assert!(booking(&store, &second.reservation.code).await.is_none());
    assert_eq!(store.link(&second.hash).await.unwrap(), None);
    assert!(chat(&store, second.chat.id).await.is_none());
}

#[tokio::test]
async fn c7_an_unpaid_seat_is_sold_again_five_minutes_after_its_hold_by_the_clock_alone() {
    let store = store().await;
    Customer::new(1, now()).book(&store, now()).await.unwrap();
    let grace = at("2026-12-01T09:04:59+07:00");
    let over = at("2026-12-01T09:05:00+07:00");
    let second = Customer::new(2, grace);
    assert!(!seat_is_free(&store, grace).await);
    assert_eq!(second.book(&store, grace).await, Err(StoreError::SeatTaken));
    assert!(seat_is_free(&store, over).await);
    second.book(&store, over).await.unwrap();
    assert!(!seat_is_free(&store, over).await);
}

#[tokio::test]
async fn c4_the_second_of_two_commits_of_one_chat_version_is_a_conflict() {
    let store = store().await;
    let customer = Customer::new(1, now());
    store.save_chat(&shop().id, &customer.chat).await.unwrap();
    assert_eq!(
        store.save_chat(&shop().id, &customer.chat).await,
        Err(StoreError::Conflict)
    );
}

/// What a settlement writes for a customer, and how it ends.
async fn settle(store: &Store, customer: &Customer, at: Timestamp) -> Result<(), StoreError> {
    let shop = shop();
    let start = shop.slot_start(customer.reservation.date, &customer.reservation.slot);
    let confirmed = customer.reservation.confirm(at, start, at).unwrap();
    let paid = Payment {
        state: PaymentState::Paid,
        version: customer.payment.version + 1,
        ..customer.payment.clone()
    };
    let event = Event {
        digest: "digest".to_owned(),
        status: "settlement".to_owned(),
        transaction: "t-1".to_owned(),
        outcome: EventOutcome::Applied,
        received_at: at,
    };
    let settlement = Settlement {
        order: &paid.order_id,
        payment: Some(&paid),
        subject: &SubjectMove::Reservation {
            reservation: Box::new(confirmed),
            seat: Some(None),
        },
        event: &event,
        tasks: &[],
        message: None,
        announced: None,
        looked_after: false,
        closes_review: false,
        now: at,
    };
    store.settle(&shop, &settlement).await
}

#[tokio::test]
async fn b2_one_of_two_settlements_wins_and_a_paid_seat_is_never_sold_again() {
    let store = store().await;
    let customer = Customer::new(1, now());
    customer.book(&store, now()).await.unwrap();
    settle(&store, &customer, now()).await.unwrap();
    assert_eq!(
        settle(&store, &customer, now()).await,
        Err(StoreError::Conflict)
    );

    let shop = shop();
    let order = &customer.payment.order_id;
    let found = store.notified(&shop.id, order, "digest").await.unwrap();
    assert!(found.applied_before);
    let found = found.charge.unwrap();
    assert_eq!(found.payment.state, PaymentState::Paid);
    let PaidFor::Booking(reservation) = found.paid_for else {
        panic!("no booking");
    };
    assert_eq!(reservation.state, ReservationState::Confirmed);

    let days_later = at("2026-12-03T08:00:00+07:00");
    let late = Customer::new(2, days_later);
    assert_eq!(
        late.book(&store, days_later).await,
        Err(StoreError::SeatTaken)
    );
}

#[tokio::test]
async fn late_money_takes_the_seat_again_if_it_is_free_and_not_if_it_was_sold() {
    let late = at("2026-12-01T10:00:00+07:00");
    let free = store().await;
    let customer = Customer::new(1, now());
    customer.book(&free, now()).await.unwrap();
    settle(&free, &customer, late).await.unwrap();

    let sold = store().await;
    customer.book(&sold, now()).await.unwrap();
    Customer::new(2, late).book(&sold, late).await.unwrap();
    assert_eq!(
        settle(&sold, &customer, late).await,
        Err(StoreError::SeatTaken)
    );
    let order = booking(&sold, &customer.reservation.code).await.unwrap();
    assert_eq!(order.payment.state, PaymentState::Created);
    assert_eq!(order.reservation.state, ReservationState::Held);
}

#[tokio::test]
async fn a_merchant_reads_back_as_it_was_registered() {
    let store = store().await;
    store.add_merchant(&shop()).await.unwrap();
    let (merchant, catalog) = store.shop(&shop().id).await.unwrap().unwrap();
    assert_eq!(merchant, shop());
    assert!(catalog.devices().is_empty());
    assert_eq!(store.merchants().await.unwrap(), [shop().id]);
    let nobody = MerchantId::parse("nobody").unwrap();
    assert!(store.shop(&nobody).await.unwrap().is_none());
}

fn numbered(number: &str) -> WhatsAppAccount {
    WhatsAppAccount {
        phone_number_id: number.to_owned(),
        waba_id: format!("9{number}"),
        display_phone_number: "+62 811-1000-001".to_owned(),
        activation: Activation::Inactive,
    }
}

#[tokio::test]
async fn a_number_is_one_merchants_and_free_again_when_another_takes_its_place() {
    let store = store().await;
    let other = Merchant {
        id: MerchantId::parse("other").unwrap(),
        ..shop()
    };
    for merchant in [&shop(), &other] {
        store.add_merchant(merchant).await.unwrap();
    }
    let with = |merchant: &Merchant, number: &str, version| Merchant {
        whatsapp: Some(numbered(number)),
        version,
        ..merchant.clone()
    };
    let first = with(&shop(), "1", 1);
    store.connect_whatsapp(&shop(), &first).await.unwrap();
    let taken = store.connect_whatsapp(&other, &with(&other, "1", 1)).await;
    assert_eq!(taken, Err(StoreError::Conflict));
    let stored = store.shop(&other.id).await.unwrap().unwrap().0;
    assert_eq!(stored, other, "nothing of it was written");
    let moved = with(&shop(), "2", 2);
    store.connect_whatsapp(&first, &moved).await.unwrap();
    let again = store.connect_whatsapp(&other, &with(&other, "1", 1)).await;
    assert_eq!(again, Ok(()));
    let numbers = ["1", "2", "3"].map(str::to_owned).into();
    let owners = store.whatsapp_owners(&numbers, &[].into()).await.unwrap();
    assert_eq!(owners.len(), 2);
    assert_eq!((&owners["1"], &owners["2"]), (&other.id, &shop().id));
}

#[tokio::test]
async fn a_shared_number_reads_back_with_its_consent_until_it_is_forgotten() {
    let store = store().await;
    let id = MerchantId::parse("demo").unwrap();
    assert_eq!(store.chat_phone(&id, 7).await, Ok(None));
    let mut chat = Chat::new(Language::Indonesian, "Budi".to_owned());
    let phone = Phone::from_digits("6281200000042").unwrap();
    let now = at("2026-12-01T08:00:00+07:00");
    chat.share_number(phone.clone(), now);
    chat.dialogue = Dialogue::Number {
        told: NumberTold::Kept,
    };
    chat.version = 1;
    let kept = ChatRecord::new(7, chat.clone());
    store.save_chat(&id, &kept).await.unwrap();
    let shared = SharedPhone {
        phone,
        source: ConsentSource::Telegram,
        at: now,
    };
    assert_eq!(store.chat_phone(&id, 7).await, Ok(Some(shared)));
    let other = MerchantId::parse("demo2").unwrap();
    assert_eq!(store.chat_phone(&other, 7).await, Ok(None));

    for (version, told) in [
        (2, NumberTold::Forgotten),
        (3, NumberTold::NoneKept),
        (4, NumberTold::Declined),
        (5, NumberTold::NotUsed),
    ] {
        chat.phone = None;
        chat.version = version;
        chat.dialogue = Dialogue::Number { told };
        chat.note = Some(Note::Number(told));
        store
            .save_chat(&id, &ChatRecord::new(7, chat.clone()))
            .await
            .unwrap();
        let look = Look {
            chat: Some(7),
            ..Look::default()
        };
        let found = store.look(&id, look).await.unwrap();
        assert_eq!(found.chat.unwrap().chat, chat);
    }
    assert_eq!(store.chat_phone(&id, 7).await, Ok(None));
}

#[tokio::test]
async fn contacts_and_templates_read_back_and_are_put_over_their_own_version_only() {
    let store = store().await;
    let id = shop().id;
    let (_, unknown) = store.phone(&id, "hash").await.unwrap();
    assert_eq!(unknown, PhoneState::default());
    let at = at("2026-12-01T01:00:00Z");
    let heard = |phone: &PhoneState, claim: &str, text| PhoneState {
        contact: phone.contact.take(claim, text, at).unwrap().next,
        ..phone.clone()
    };
    let mut stopped = heard(&unknown, "claim", Some("STOP"));
    stopped.rests_until = Some(at);
    stopped.reached_on = Some(jiff::civil::date(2026, 12, 1));
    store.put_phone(&id, "hash", &stopped, None).await.unwrap();
    let (_, back) = store.phone(&id, "hash").await.unwrap();
    assert_eq!(back, stopped);
    let late = store.put_phone(&id, "hash", &stopped, None).await;
    assert_eq!(late, Err(StoreError::Conflict));
    let next = heard(&stopped, "claim-2", None);
    store.put_phone(&id, "hash", &next, None).await.unwrap();
    let late = store.put_phone(&id, "hash", &next, None).await;
    assert_eq!(late, Err(StoreError::Conflict));

    let mut template = Registered::unheard(Kind::Otp, Language::English);
    for news in [
        News::Status(TemplateStatus::Rejected, Some("SCAM".to_owned())),
        News::Category(Category::Marketing),
        News::Quality(Quality::Red),
    ] {
        template = template.hear(&news, at).unwrap();
    }
    template.version = 1;
    store.put_template(&id, &template, at).await.unwrap();
    let back = store.template(&id, Kind::Otp, Language::English).await;
    assert_eq!(back, Ok(Some(template.clone())));
    assert_eq!(store.templates(&id).await, Ok(vec![template.clone()]));
    let late = store.put_template(&id, &template, at).await;
    assert_eq!(late, Err(StoreError::Conflict));
}
