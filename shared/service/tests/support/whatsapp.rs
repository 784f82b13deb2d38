//! Meta's wire as far as a message meets it, a merchant whose WhatsApp is active, and its books.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::http::HeaderMap;
use axum::response::Response;
use jiff::civil::date;
use pesan_adapters::dynamodb::{Account, MessageRecord, Subject, To};
use pesan_adapters::events::Envelope;
use pesan_domain::balance::{Entry, Fold, fold};
use pesan_domain::ids::{EventId, MessageId, VendorId};
use pesan_domain::language::Language;
use pesan_domain::merchant::Merchant;
use pesan_domain::message::activation::Activation;
use pesan_domain::message::text::{Arguments, Kind};
use pesan_domain::message::{Channel, Message, NewMessage, Receipt, Report};
use pesan_domain::money::Rupiah;
use pesan_domain::whatsapp::{News, Phone, Registered, TemplateStatus, WhatsAppAccount};
use pesan_service::whatsapp::{Delivery, Heard};
use pesan_service::{messages, reconcile};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::gate::Gate;
use super::{World, reply, shop, table};

pub const PRICE: u64 = 367;
pub const NUMBER: &str = "1000001";

/// How Meta takes a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Takes it and says so.
    Takes,
    /// Refuses it with a code of its own.
    Refuses(u32),
    /// Is in trouble.
    Fails,
    /// Takes it; the answer is lost on the way back.
    TakesUnsaid,
    /// Takes nothing, and the answer is lost.
    LosesIt,
    /// Never answers; whether it takes it before.
    Hangs { taken: bool },
}

/// A message that was handed over.
#[derive(Clone, Debug)]
pub struct Handed {
    pub message: MessageId,
    pub phone: String,
    pub token: String,
    pub taken: bool,
}

/// What stands in for Meta.
#[derive(Default)]
pub struct Meta {
    pub token: Mutex<String>,
    /// How it takes the next messages; the rest it takes as `always` says.
    pub answers: Mutex<VecDeque<Answer>>,
    pub always: Mutex<Option<Answer>>,
    pub handed: Mutex<Vec<Handed>>,
}

impl Meta {
    pub async fn answer(&self, headers: &HeaderMap, body: &Value, reached: &Notify) -> Response {
        let next = self.answers.lock().unwrap().pop_front();
        let always = *self.always.lock().unwrap();
        let answer = next.or(always).unwrap_or(Answer::Takes);
        let token = headers["authorization"].to_str().unwrap();
        let token = token.trim_start_matches("Bearer ").to_owned();
        let is_right = token == *self.token.lock().unwrap();
        let answer = if is_right {
            answer
        } else {
            Answer::Refuses(190)
        };
        let taken = match answer {
            Answer::Takes | Answer::TakesUnsaid | Answer::Hangs { taken: true } => true,
            Answer::Refuses(_) | Answer::Fails | Answer::LosesIt | Answer::Hangs { .. } => false,
        };
        let text = |field: &str| body[field].as_str().unwrap().to_owned();
        let message = MessageId::parse(&text("biz_opaque_callback_data")).unwrap();
        let number = {
            let mut handed = self.handed.lock().unwrap();
            handed.push(Handed {
                message,
                phone: text("to"),
                token,
                taken,
            });
            handed.len()
        };
        match answer {
            Answer::Takes => reply(
                200,
                &json!({"messaging_product": "whatsapp", "messages": [{"id": format!("wamid.{number}")}]}),
            ),
            Answer::Refuses(code) => reply(
                400,
                &json!({"error": {"code": code, "message": "no", "type": "OAuthException"}}),
            ),
            Answer::Fails => reply(500, &json!({"error": {"code": 131_000, "message": "no"}})),
            Answer::TakesUnsaid | Answer::LosesIt => reply(504, &json!("gateway timeout")),
            Answer::Hangs { .. } => {
                reached.notify_one();
                std::future::pending().await
            }
        }
    }

    pub fn next(&self, answers: impl IntoIterator<Item = Answer>) {
        self.answers.lock().unwrap().extend(answers);
    }

    pub fn always(&self, answer: Answer) {
        *self.always.lock().unwrap() = Some(answer);
    }

    pub fn calls(&self) -> usize {
        self.handed.lock().unwrap().len()
    }

    /// The phones that were called, in order.
    pub fn phones(&self) -> Vec<String> {
        let handed = self.handed.lock().unwrap();
        handed.iter().map(|handed| handed.phone.clone()).collect()
    }

    /// How often each message was taken.
    pub fn taken(&self) -> BTreeMap<MessageId, usize> {
        let mut taken = BTreeMap::new();
        for handed in self.handed.lock().unwrap().iter() {
            if handed.taken {
                *taken.entry(handed.message.clone()).or_default() += 1;
            }
        }
        taken
    }
}

/// The shop with an active number.
pub fn active() -> Merchant {
    let mut merchant = shop();
    merchant.whatsapp = Some(WhatsAppAccount {
        phone_number_id: NUMBER.to_owned(),
        waba_id: "2000001".to_owned(),
        display_phone_number: "+62 811-1000-001".to_owned(),
        activation: Activation::Active,
    });
    merchant.messaging.whatsapp_per_second = 1_000;
    merchant.messaging.low_mark = Rupiah::ZERO;
    merchant.version = 1;
    merchant
}

pub fn phone(number: u32) -> Phone {
    Phone::from_digits(&format!("62812{number:08}")).unwrap()
}

impl World {
    /// A merchant with an active number, every template approved and money for so many messages.
    pub async fn with_whatsapp(messages: u64) -> Self {
        Self::with_merchant(&active(), messages).await
    }

    pub async fn with_merchant(merchant: &Merchant, messages: u64) -> Self {
        let table = table().await;
        let world = Self::over(&table, &table).await;
        world.prepare(merchant, messages).await;
        world
    }

    /// As [`World::with_whatsapp`], with a gate before the table.
    pub async fn gated(messages: u64) -> (Arc<Gate>, Self) {
        let table = table().await;
        let (gate, url) = Gate::before(table.clone()).await;
        let world = Self::over(&table, &url).await;
        world.prepare(&active(), messages).await;
        (gate, world)
    }

    async fn prepare(&self, merchant: &Merchant, messages: u64) {
        *self.stand.meta.token.lock().unwrap() = "EAAtest".to_owned();
        let store = &self.app.store;
        store.connect_whatsapp(&shop(), merchant).await.unwrap();
        for kind in Kind::ALL {
            for language in [Language::Indonesian, Language::English] {
                self.hear(*kind, language, TemplateStatus::Approved).await;
            }
        }
        if messages > 0 {
            self.top_up("T-first", messages * PRICE).await;
        }
        self.reconciled().await;
    }

    /// Meta's word about a template.
    pub async fn hear(&self, kind: Kind, language: Language, status: TemplateStatus) {
        let store = &self.app.store;
        let now = self.clock.now();
        let before = store.template(&shop().id, kind, language).await.unwrap();
        let before = before.unwrap_or_else(|| Registered::unheard(kind, language));
        let mut next = before.hear(&News::Status(status, None), now).unwrap();
        next.version = before.version + 1;
        store.put_template(&shop().id, &next, now).await.unwrap();
    }

    pub async fn merchant(&self) -> Merchant {
        self.app.store.profile(&shop().id).await.unwrap().unwrap()
    }

    pub async fn account(&self) -> Account {
        let merchant = self.merchant().await;
        self.app.store.account(&merchant).await.unwrap()
    }

    /// Money comes in.
    pub async fn top_up(&self, reference: &str, amount: u64) {
        let (merchant, account) = (self.merchant().await, self.account().await);
        let change = account
            .balance
            .top_up(reference, Rupiah::new(amount))
            .unwrap();
        let now = self.clock.now();
        let id = EventId::new(now, rand_bits());
        let store = &self.app.store;
        let credited = store.credit_received(&merchant, &account.balance, &change, &id, now);
        credited.await.unwrap();
    }

    /// Commits a message to the phone of a number, as whoever asks for it does.
    pub async fn queue_to(&self, number: u32, kind: Kind) -> MessageId {
        self.queue_as(&format!("m-{number:05}-{}", kind.name()), number, kind)
            .await
    }

    pub async fn queue_as(&self, id: &str, number: u32, kind: Kind) -> MessageId {
        let merchant = active();
        let now = self.clock.now();
        let id = MessageId::parse(&id.replace('_', "-")).unwrap();
        let new = NewMessage {
            id: id.clone(),
            merchant: merchant.id.clone(),
            channel: Channel::WhatsApp,
            purpose: kind.purpose(),
            asked_for: false,
            zone: merchant.zone,
            price: Rupiah::new(PRICE),
            reserved: false,
            ends_at: None,
        };
        let message = Message::queue(new, Activation::Active, now).unwrap().next;
        let envelope = Envelope::message_queued(EventId::new(now, rand_bits()), &message, now);
        let language = Language::Indonesian;
        let body: Vec<String> = (0..Arguments::blanks(kind, language))
            .map(|blank| format!("isi {blank}"))
            .collect();
        let link = kind.link_label(language).map(|_| "b/halaman");
        let record = MessageRecord {
            message,
            subject: Subject::Template(Arguments::new(kind, language, &body, link).unwrap()),
            to: To::Phone {
                phone: phone(number),
                contact: format!("contact-{number}"),
            },
            batch: None,
        };
        let store = &self.app.store;
        store.queue_message(&record, &envelope).await.unwrap();
        id
    }

    pub async fn queue_bills(&self, count: u32) -> Vec<MessageId> {
        let mut ids = vec![];
        for number in 1..=count {
            ids.push(self.queue_to(number, Kind::Bill).await);
        }
        ids
    }

    /// What waits in the outbox, handed on to the queue.
    pub async fn handed_on(&self) -> Vec<Envelope> {
        self.relay().await;
        self.queued()
    }

    /// Senders take what is queued, ten at a time, until nothing more comes of that at this moment.
    pub async fn send_all(&self) {
        loop {
            let queued = self.handed_on().await;
            if queued.is_empty() {
                return;
            }
            for ten in queued.chunks(10) {
                let seen_to = messages::take(&self.app, ten).await;
                assert!(seen_to.iter().all(|seen_to| *seen_to), "{seen_to:?}");
            }
        }
    }

    pub async fn reconciled(&self) -> reconcile::Done {
        reconcile::run(&self.app).await.unwrap()
    }

    /// Turns the clock minute by minute, with the reconciler and the senders at each.
    pub async fn minutes(&self, minutes: usize) {
        for _ in 0..minutes {
            self.turn(60);
            self.reconciled().await;
            self.send_all().await;
        }
    }

    pub async fn record(&self, id: &MessageId) -> MessageRecord {
        let store = &self.app.store;
        let mut found = store.messages(std::slice::from_ref(id)).await.unwrap();
        found.remove(id).unwrap().unwrap()
    }

    pub async fn state_of(&self, id: &MessageId) -> &'static str {
        self.record(id).await.message.state.name()
    }

    /// How many messages are in each state.
    pub async fn states(&self) -> BTreeMap<&'static str, usize> {
        let mut states = BTreeMap::new();
        for record in self.messages().await {
            *states.entry(record.message.state.name()).or_default() += 1;
        }
        states
    }

    /// Meta's receipts come to the webhook.
    pub async fn receipts(&self, receipts: &[(&MessageId, &str, Report)]) {
        let heard = receipts.iter().map(|(message, wamid, report)| Heard {
            number: NUMBER.to_owned(),
            message: Some((*message).clone()),
            receipt: Receipt {
                vendor_id: VendorId::parse(wamid).unwrap(),
                report: *report,
            },
            at: self.clock.now(),
        });
        let delivery = Delivery {
            receipts: heard.collect(),
            ..Delivery::default()
        };
        let taken = pesan_service::whatsapp::take(&self.app, &delivery).await;
        taken.unwrap();
    }

    pub async fn entries(&self) -> Vec<Entry> {
        let mut entries = vec![];
        let mut day = date(2026, 11, 30);
        while day < date(2026, 12, 20) {
            let found = self.app.store.ledger(&shop().id, day).await.unwrap();
            entries.extend(found);
            day = day.tomorrow().unwrap();
        }
        entries
    }

    /// Holds that ledger and balance agree to the rupiah; what they say.
    pub async fn books(&self) -> Fold {
        let entries = self.entries().await;
        let fold = fold(&entries)
            .map_err(|fault| format!("{fault}: {entries:#?}"))
            .unwrap();
        let balance = self.account().await.balance;
        assert!(balance.is_sound(), "{balance:?}");
        assert_eq!(fold.available, balance.available, "available");
        assert_eq!(fold.reserved, balance.reserved, "reserved");
        assert_eq!(fold.spent, balance.spent, "spent");
        assert_eq!(fold.topped_up, balance.topped_up, "topped up");
        fold
    }

    /// Holds that all is over: each of so many messages taken once, or twice and marked; paid once;
    /// nothing set aside, due or queued.
    /// So many messages while Meta is in trouble for one in a hundred, too fast for one in two
    /// hundred and silent after one in five hundred, and a sender dies: each is taken once, or twice
    /// and marked, and the books agree to the rupiah.
    pub async fn broadcast(messages: u32) -> Self {
        let mut shop = active();
        shop.messaging.whatsapp_per_second = 1_000;
        let world = Self::with_merchant(&shop, u64::from(messages)).await;
        let ids = world.queue_bills(messages).await;
        let dies_at = messages / 3;
        world.stand.meta.next((1..=messages).map(|nth| match nth {
            nth if nth == dies_at => Answer::Hangs { taken: true },
            nth if nth % 500 == 0 => Answer::TakesUnsaid,
            nth if nth % 200 == 0 => Answer::Refuses(130_429),
            nth if nth % 100 == 0 => Answer::Fails,
            _ => Answer::Takes,
        }));
        assert_eq!(world.send_all_but_one().await, 1);
        for minutes in [1, 1, 1, 1, 18, 1, 20, 1, 20] {
            world.turn(minutes * 60);
            world.reconciled().await;
            world.send_all().await;
        }
        world.expect_all_taken(ids.len()).await;
        world
    }

    /// As [`World::send_all`], with senders that die where their call hangs; how many.
    async fn send_all_but_one(&self) -> u32 {
        let mut died = 0;
        loop {
            let queued = self.handed_on().await;
            if queued.is_empty() {
                return died;
            }
            for ten in queued.chunks(10) {
                died += tokio::select! {
                    seen_to = messages::take(&self.app, ten) => {
                        assert!(seen_to.iter().all(|seen_to| *seen_to), "{seen_to:?}");
                        0
                    }
                    () = self.stand.reached.notified() => 1,
                };
            }
        }
    }

    pub async fn expect_all_taken(&self, count: usize) {
        let taken = self.stand.meta.taken();
        assert_eq!(taken.len(), count, "lost: {:?}", self.states().await);
        for record in self.messages().await {
            let message = record.message;
            assert_eq!(message.state.name(), "Accepted", "{message:?}");
            let times = taken[&message.id];
            assert!(
                times == 1 || times == 2 && message.possibly_double,
                "{times} times: {message:?}"
            );
        }
        let books = self.books().await;
        assert_eq!(books.reserved, Rupiah::ZERO, "{:?}", books.open);
        let price = u64::try_from(count).unwrap() * PRICE;
        assert_eq!(books.spent, Rupiah::new(price));
        assert_eq!(self.due().await, 0);
        for left in ["DUE#", "OUTBOX#", "M#demo#BATCH"] {
            assert_eq!(self.rows(left).await, vec![], "{left}");
        }
    }
}

/// Two ids of the same moment differ.
pub fn rand_bits() -> u128 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    u128::from(NEXT.fetch_add(1, Ordering::SeqCst))
}
