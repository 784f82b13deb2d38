//! Plans and subscribers against an embedded DynamoDB, spoken to by the real client.

#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

mod support;

use jiff::Timestamp;
use pesan_adapters::dynamodb::{
    SUBSCRIBER_SHARDS, Store, StoreError, SubscriberChange, subscriber_shard,
};
use pesan_domain::calendar::Zone;
use pesan_domain::ids::{MerchantId, PlanId, SubscriberId};
use pesan_domain::language::Language;
use pesan_domain::money::Rupiah;
use pesan_domain::subscriber::{AnchorDay, Noted, Plan, Plans, Subscriber};
use pesan_domain::whatsapp::Phone;
use support::store;

fn demo() -> MerchantId {
    MerchantId::parse("demo").unwrap()
}

fn subscriber(id: &str) -> Subscriber {
    Subscriber {
        id: SubscriberId::parse(id).unwrap(),
        name: "Budi Santoso".to_owned(),
        phone: Phone::read("081200001001").unwrap(),
        plan: PlanId::parse("dasar").unwrap(),
        anchor_day: AnchorDay::default(),
        language: Language::Indonesian,
        zone: Zone::Jakarta,
        is_paused: false,
        opted_out: None,
        consent: None,
        telegram_chat: None,
        chat_changes: 0,
        made_at: Timestamp::from_second(1_796_000_000).unwrap(),
        version: 1,
    }
}

fn change(subscriber: Subscriber) -> SubscriberChange {
    SubscriberChange {
        subscriber,
        hash: "hash-1".to_owned(),
        old_hash: None,
    }
}

async fn stored(store: &Store, id: &str) -> Option<Subscriber> {
    let ids = [SubscriberId::parse(id).unwrap()];
    let found = store.subscribers(&demo(), &ids).await.unwrap();
    found.into_iter().next()
}

async fn of_contact(store: &Store, hash: &str) -> Vec<String> {
    let ids = store.subscribers_of_contact(&demo(), hash).await.unwrap();
    ids.iter().map(SubscriberId::to_string).collect()
}

#[tokio::test]
async fn a_plan_is_written_over_the_version_before_it() {
    let store = store().await;
    let plan = Plan::new(
        PlanId::parse("dasar").unwrap(),
        "Dasar",
        Rupiah::new(150_000),
    );
    store.put_plan(&demo(), &plan).await.unwrap();
    let again = store.put_plan(&demo(), &plan).await;
    assert_eq!(again, Err(StoreError::Conflict));
    let next = Plan {
        is_archived: true,
        version: 2,
        ..plan
    };
    store.put_plan(&demo(), &next).await.unwrap();
    assert_eq!(
        store.plans(&demo()).await.unwrap(),
        Plans::new(vec![next.clone()])
    );
    let late = store.put_plan(&demo(), &next).await;
    assert_eq!(late, Err(StoreError::Conflict));
    let other = MerchantId::parse("demo2").unwrap();
    assert_eq!(store.plans(&other).await.unwrap(), Plans::default());
}

#[tokio::test]
async fn i10_a_subscriber_reads_back_and_of_two_changes_one_holds() {
    let store = store().await;
    let noted = |second| {
        let at = Timestamp::from_second(second).unwrap();
        Noted::new("source", at, "paper form").ok()
    };
    let full = Subscriber {
        language: Language::English,
        zone: Zone::Jayapura,
        is_paused: true,
        opted_out: noted(1_796_000_001),
        consent: noted(1_796_000_002),
        telegram_chat: Some(-1_001_234_567_890_123),
        anchor_day: AnchorDay::new(31).unwrap(),
        ..subscriber("a")
    };
    let (full, plain) = (change(full), change(subscriber("b")));
    let both = [full.clone(), plain.clone()];
    store.put_subscribers(&demo(), &both).await.unwrap();
    assert_eq!(stored(&store, "a").await.as_ref(), Some(&full.subscriber));
    assert_eq!(stored(&store, "b").await.as_ref(), Some(&plain.subscriber));

    // One of them is there already: none is written.
    let with_new = [change(subscriber("c")), plain.clone()];
    let refused = store.put_subscribers(&demo(), &with_new).await;
    assert_eq!(refused, Err(StoreError::Conflict));
    assert_eq!(stored(&store, "c").await, None);

    let next = |name: &str| {
        change(Subscriber {
            name: name.to_owned(),
            version: 2,
            ..subscriber("b")
        })
    };
    let (first, second) = ([next("Siti")], [next("Dewi")]);
    let merchant = demo();
    let (first, second) = tokio::join!(
        store.put_subscribers(&merchant, &first),
        store.put_subscribers(&merchant, &second)
    );
    let lost = [first, second].into_iter().filter(Result::is_err).count();
    assert_eq!(lost, 1);
}

#[tokio::test]
async fn a_number_leads_to_its_subscribers_until_they_have_another_or_are_gone() {
    let store = store().await;
    // Two customers with one phone (D23).
    let both = [change(subscriber("a")), change(subscriber("b"))];
    store.put_subscribers(&demo(), &both).await.unwrap();
    assert_eq!(of_contact(&store, "hash-1").await, ["a", "b"]);
    assert_eq!(of_contact(&store, "hash-2").await, Vec::<String>::new());

    let moved = SubscriberChange {
        subscriber: Subscriber {
            version: 2,
            ..subscriber("a")
        },
        hash: "hash-2".to_owned(),
        old_hash: Some("hash-1".to_owned()),
    };
    let moved = [moved];
    store.put_subscribers(&demo(), &moved).await.unwrap();
    assert_eq!(of_contact(&store, "hash-1").await, ["b"]);
    assert_eq!(of_contact(&store, "hash-2").await, ["a"]);
    let again = store.put_subscribers(&demo(), &moved).await;
    assert_eq!(again, Err(StoreError::Conflict));

    let old = subscriber("a");
    let stale = store.remove_subscriber(&demo(), &old, "hash-2").await;
    assert_eq!(stale, Err(StoreError::Conflict));
    let [SubscriberChange { subscriber, .. }] = &moved;
    store
        .remove_subscriber(&demo(), subscriber, "hash-2")
        .await
        .unwrap();
    assert_eq!(stored(&store, "a").await, None);
    assert_eq!(of_contact(&store, "hash-2").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_shard_is_read_in_pages_by_id() {
    let store = store().await;
    let ids: Vec<String> = (0..60).map(|nth| format!("plg-{nth:03}")).collect();
    for ids in ids.chunks(Store::SUBSCRIBER_CHANGES) {
        let changes: Vec<_> = ids.iter().map(|id| change(subscriber(id))).collect();
        store.put_subscribers(&demo(), &changes).await.unwrap();
    }
    let mut listed = Vec::new();
    for shard in 0..SUBSCRIBER_SHARDS {
        let mut own = Vec::new();
        loop {
            let page = store
                .subscriber_page(&demo(), shard, own.last(), 3)
                .await
                .unwrap();
            assert!(page.subscribers.len() <= 3);
            own.extend(page.subscribers.into_iter().map(|one| one.id));
            if page.is_last {
                break;
            }
        }
        assert!(own.is_sorted() && !own.is_empty());
        assert!(own.iter().all(|id| subscriber_shard(id) == shard));
        listed.extend(own.iter().map(SubscriberId::to_string));
    }
    listed.sort();
    assert_eq!(listed, ids);
}

#[test]
fn a_subscriber_s_shard_is_the_same_for_good_and_numbers_spread_over_all() {
    let shard = |id: &str| subscriber_shard(&SubscriberId::parse(id).unwrap());
    assert_eq!(["plg-001", "plg-002", "a", "s-0"].map(shard), [7, 6, 0, 6]);
    let mut sizes = [0; 8];
    for nth in 0..800 {
        sizes[usize::from(shard(&format!("plg-{nth:03}")))] += 1;
    }
    assert!(
        sizes.iter().all(|size| (80..=120).contains(size)),
        "{sizes:?}"
    );
}
