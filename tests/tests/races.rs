//! Races for a seat, updates that come twice or late, and faults while a booking is made.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

use futures_util::future::join_all;
use pesan_tests::{Booked, Customer, Message, Stack, TELEGRAM_SECRET, press_update, text_update};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const ALL: u64 = 1_000_000;

/// Status and answer of an update with the right secret.
async fn taken(stack: &Stack, update: &Value) -> (StatusCode, Value) {
    let response = stack.update(Some(TELEGRAM_SECRET), update).await;
    let status = response.status();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

/// What a reply about a booking names.
fn booked(message: &Message) -> Booked {
    Booked {
        code: message.code().unwrap(),
        link: message.link().unwrap(),
    }
}

/// Asserts that a customer has one booking, whole and payable, and no seat is left over.
async fn booked_once(stack: &Stack, chat: i64, reply: &Message, what: &str) {
    let Booked { code, link } = booked(reply);
    let of_chat = |rows: Vec<Value>| {
        let chat = chat.to_string();
        let rows = rows.into_iter().filter(|row| row["chat"]["N"] == *chat);
        rows.map(|row| row["code"]["S"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        of_chat(stack.rows_at("RESERVATION").await),
        [&*code],
        "{what}"
    );
    let seats = stack.rows_at("SLOT#").await;
    let own = seats.iter().filter(|seat| seat["code"]["S"] == *code);
    assert_eq!(own.count(), 1, "{what}");
    let page = stack.page(&link).await;
    assert_eq!(
        (page.total, page.payment.as_str(), page.repair.as_str()),
        (70_000, "Created", "Held"),
        "{what}"
    );
}

/// Presses *Bayar Sekarang* on the order's page: where Midtrans' page is.
async fn pay(stack: &Stack, link: &str) -> String {
    let path = format!("{}/pay", link.strip_prefix(stack.base_url()).unwrap());
    let response = stack.request(Method::POST, &path).send().await.unwrap();
    assert_eq!(response.status(), 303);
    response.headers()["location"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn c1_a_hundred_customers_race_for_one_seat() {
    let stack = Stack::start();
    let customers: Vec<Customer<'_>> = (1..=100).map(|chat| stack.customer(chat)).collect();
    join_all(
        customers
            .iter()
            .map(|one| one.summary("05/12/2026", "09.00")),
    )
    .await;
    let answers = join_all(customers.iter().map(|one| one.press("Book Now"))).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers
        .iter()
        .partition(|answer| answer.text.starts_with("Reservasi dibuat."));
    assert_eq!((won.len(), lost.len()), (1, 99));
    for told in lost {
        assert!(
            told.text
                .starts_with("Maaf, jam itu baru saja diambil pelanggan lain."),
            "{}",
            told.text
        );
        assert_eq!(told.buttons[0], "12.00–14.00 WIB");
    }
    let reservations = stack.rows_at("RESERVATION").await;
    assert_eq!(reservations.len(), 1);
    assert_eq!(reservations[0]["code"]["S"], won[0].code().unwrap());
    assert_eq!(stack.rows_at("PAYMENT").await.len(), 1);
    assert_eq!(stack.rows_at("SLOT#").await.len(), 1);
    assert_eq!(stack.rows_at("LINK").await.len(), 1);
    let transactions = stack.get_json("/sandbox/midtrans/transactions").await;
    assert_eq!(transactions.as_array().unwrap().len(), 1);
    assert_eq!(stack.count("midtrans", None).await, 1);
}

#[tokio::test]
async fn c1_those_who_lost_share_the_slots_that_are_left() {
    let stack = Stack::start();
    let customers: Vec<Customer<'_>> = (1..=5).map(|chat| stack.customer(chat)).collect();
    join_all(
        customers
            .iter()
            .map(|one| one.summary("05/12/2026", "09.00")),
    )
    .await;
    join_all(customers.iter().map(|one| one.press("Book Now"))).await;
    for _ in 0..5 {
        for customer in &customers {
            let newest = customer.newest().await;
            if newest.buttons[0].ends_with("WIB") {
                let answer = customer.press(&newest.buttons[0]).await;
                // The slot may have gone since it was offered.
                if answer.text.starts_with("Ringkasan pesanan") {
                    customer.press("Book Now").await;
                }
            }
        }
    }
    let mut slots: Vec<String> = Vec::new();
    for row in stack.rows_at("SLOT#").await {
        slots.push(row["SK"]["S"].as_str().unwrap().to_owned());
    }
    slots.sort();
    assert_eq!(
        slots,
        [
            "SLOT#09:00#SEAT#1",
            "SLOT#12:00#SEAT#1",
            "SLOT#15:00#SEAT#1",
            "SLOT#18:00#SEAT#1"
        ]
    );
    assert_eq!(stack.rows_at("RESERVATION").await.len(), 4);
    let mut left = 0;
    for customer in &customers {
        left += usize::from(customer.newest().await.code().is_none());
    }
    assert_eq!(left, 1);
}

#[tokio::test]
async fn c4_book_now_that_comes_three_times_books_once_and_answers_alike() {
    let stack = Stack::start();
    let budi = stack.customer(1);
    let summary = budi.summary("05/12/2026", "09.00").await;
    let update = press_update(77, 1, summary.id, summary.data_of("Book Now"));
    let (first, second) = tokio::join!(taken(&stack, &update), taken(&stack, &update));
    let third = taken(&stack, &update).await;
    assert_eq!(first.0, 200);
    assert!(
        first.1["text"]
            .as_str()
            .unwrap()
            .starts_with("<b>Reservasi dibuat.</b>"),
        "{}",
        first.1
    );
    assert_eq!(first, second);
    assert_eq!(first, third);
    assert_eq!(stack.rows_at("RESERVATION").await.len(), 1);
    assert_eq!(stack.rows_at("SLOT#").await.len(), 1);
    assert_eq!(stack.count("midtrans", Some("transactions")).await, 1);
}

#[tokio::test]
async fn c4_any_update_that_comes_three_times_steps_once_and_answers_alike() {
    let stack = Stack::start();
    let version = async || {
        let chats = stack.rows_at("CHAT").await;
        chats.first().map_or(0, |row| {
            row["version"]["N"].as_str().unwrap().parse().unwrap()
        })
    };
    for (id, text) in (1..).zip([
        "/start",
        "/order",
        "Booking",
        "31/02/2027",
        "besok",
        "05/12/2026",
        "besok",
    ]) {
        let before: u64 = version().await;
        let update = text_update(id, 1, text);
        let (first, second) = tokio::join!(taken(&stack, &update), taken(&stack, &update));
        let third = taken(&stack, &update).await;
        assert_eq!(first.0, 200);
        assert_eq!(first, second, "{text}");
        assert_eq!(first, third, "{text}");
        assert_eq!(version().await, before + 1, "{text}");
    }
}

#[tokio::test]
async fn c4_a_wrong_code_that_comes_three_times_is_counted_once() {
    let stack = Stack::start();
    taken(&stack, &text_update(1, 1, "/status")).await;
    for id in 2..=5 {
        for _ in 0..3 {
            let update = text_update(id, 1, &format!("1000000{id}"));
            assert_eq!(taken(&stack, &update).await.0, 200);
        }
    }
    let (_, fifth) = taken(&stack, &text_update(6, 1, "10000006")).await;
    let text = fifth["text"].as_str().unwrap();
    assert!(text.starts_with("Tidak ada pesanan Anda"), "{text}");
}

#[tokio::test]
async fn c5_an_update_older_than_the_newest_is_taken() {
    let stack = Stack::start();
    for (id, text, says) in [
        (1_000, "/order", "Selamat datang di layanan reservasi"),
        (999, "booking", "Kapan Anda mau datang?"),
        (5, "05/12/2026", "Tanggal: "),
        (-1, "/help", "Perintah yang saya mengerti"),
        (1_001, "/start", "Halo Budi!"),
    ] {
        let (status, answer) = taken(&stack, &text_update(id, 1, text)).await;
        assert_eq!(status, 200, "{id}");
        let said = answer["text"].as_str().unwrap();
        assert!(said.starts_with(says), "{id}: {said}");
    }
}

#[tokio::test]
async fn two_buttons_pressed_at_once_are_one_step_and_one_old_keyboard() {
    let stack = Stack::start();
    let budi = stack.customer(1);
    let summary = budi.summary("05/12/2026", "09.00").await;
    let book = press_update(1, 1, summary.id, summary.data_of("Book Now"));
    let cancel = press_update(2, 1, summary.id, summary.data_of("Cancel"));
    let (book, cancel) = tokio::join!(taken(&stack, &book), taken(&stack, &cancel));
    assert_eq!((book.0, cancel.0), (StatusCode::OK, StatusCode::OK));
    let says = |answer: &Value, words: &str| answer["text"].as_str().unwrap().starts_with(words);
    let booked = says(&book.1, "<b>Reservasi dibuat.</b>");
    let cancelled = says(&cancel.1, "Reservasi dibatalkan.");
    assert_ne!(booked, cancelled, "{} {}", book.1, cancel.1);
    let old = if booked { &cancel.1 } else { &book.1 };
    assert!(says(old, "Tombol itu dari pesan lama."), "{old}");
    assert_eq!(
        stack.rows_at("RESERVATION").await.len(),
        usize::from(booked)
    );
    assert_eq!(stack.rows_at("SLOT#").await.len(), usize::from(booked));
}

#[tokio::test]
async fn c8_a_conflicting_transaction_is_tried_again() {
    let stack = Stack::start();
    let budi = stack.customer(1);
    budi.summary("05/12/2026", "09.00").await;
    let op = "TransactWriteItems";
    stack
        .fault(json!({"at": "dynamodb", "fault": "conflict", "op": op, "times": 1}))
        .await;
    assert_eq!(budi.press_for_status("Book Now").await, Some(200));
    booked_once(&stack, 1, &budi.newest().await, "one conflict").await;
    assert_eq!(stack.count("midtrans", Some("transactions")).await, 1);
}

#[tokio::test]
async fn c8_a_transaction_that_always_conflicts_is_given_up_and_sent_again() {
    let stack = Stack::start();
    let budi = stack.customer(1);
    budi.summary("05/12/2026", "09.00").await;
    let op = "TransactWriteItems";
    let before = stack.count("dynamodb", Some(op)).await;
    stack
        .fault(json!({"at": "dynamodb", "fault": "conflict", "op": op, "times": ALL}))
        .await;
    assert_eq!(budi.press_for_status("Book Now").await, Some(503));
    // Telegram sends it twice at once; a few tries each.
    let tries = stack.count("dynamodb", Some(op)).await - before;
    assert!((2..=20).contains(&tries), "{tries}");
    assert!(stack.rows_at("RESERVATION").await.is_empty());
    assert_eq!(stack.count("midtrans", None).await, 0);
    stack.end_faults().await;
    stack.advance("10s").await;
    booked_once(&stack, 1, &budi.newest().await, "after conflicts").await;
}

/// Presses *Book Now* while a fault of DynamoDB lasts, once for a while and once until after
/// Telegram gave up for the moment; its redelivery then completes the booking.
async fn book_now_through(fault: &str, operations: &[&str]) {
    let stack = Stack::start();
    let mut chat = 0;
    for op in operations {
        for times in [1, 3, ALL] {
            chat += 1;
            let what = format!("{fault} at {op}, {times} times");
            let budi = stack.customer(chat);
            let date = format!("{:02}/12/2026", 2 + chat);
            budi.summary(&date, "09.00").await;
            let calls = stack.count("dynamodb", Some(op)).await;
            stack
                .fault(json!({"at": "dynamodb", "fault": fault, "op": op, "times": times}))
                .await;
            let status = budi.press_for_status("Book Now").await.unwrap();
            let at_once = budi.newest().await;
            let reached = stack.count("dynamodb", Some(op)).await > calls;
            let stored: Vec<Value> = stack
                .rows_at("RESERVATION")
                .await
                .into_iter()
                .filter(|row| row["chat"]["N"] == *chat.to_string())
                .collect();
            match status {
                200 => assert!(at_once.text.starts_with("Reservasi dibuat."), "{what}"),
                status => {
                    // 502 is what Lambda answers for a function that died.
                    let refused = if fault.starts_with("kill") { 502 } else { 503 };
                    assert_eq!(status, refused, "{what}");
                    assert!(at_once.text.starts_with("Ringkasan pesanan"), "{what}");
                    if !fault.ends_with("_after") {
                        assert!(stored.is_empty(), "{what}: {stored:?}");
                    }
                }
            }
            assert!(reached || status == 200, "{what}");
            stack.end_faults().await;
            stack.advance("10s").await;
            booked_once(&stack, chat, &budi.newest().await, &what).await;
            let replies = budi.messages().await;
            let told = replies
                .iter()
                .filter(|message| message.text.starts_with("Reservasi dibuat."));
            assert_eq!(told.count(), 1, "{what}");
        }
    }
}

/// What *Book Now* may do at the table.
const OPERATIONS: [&str; 4] = ["BatchGetItem", "Query", "PutItem", "TransactWriteItems"];

#[tokio::test]
async fn j1_book_now_while_dynamodb_answers_500() {
    book_now_through("http_500", &OPERATIONS).await;
}

#[tokio::test]
async fn j1_book_now_while_dynamodb_throttles() {
    book_now_through("throttle", &OPERATIONS).await;
}

#[tokio::test]
async fn j1_book_now_while_calls_to_dynamodb_are_lost() {
    book_now_through("timeout_before", &OPERATIONS).await;
}

#[tokio::test]
async fn j1_book_now_while_answers_of_dynamodb_are_lost() {
    book_now_through("timeout_after", &OPERATIONS).await;
}

#[tokio::test]
async fn j1_book_now_while_the_function_dies_before_a_call() {
    book_now_through("kill_before", &OPERATIONS).await;
}

#[tokio::test]
async fn j1_book_now_while_the_function_dies_after_a_call() {
    book_now_through("kill_after", &OPERATIONS).await;
}

#[tokio::test]
async fn j1_a_conversation_goes_on_where_the_function_died_at_each_write() {
    let stack = Stack::start();
    for (chat, fault) in [(1, "kill_before"), (2, "kill_after")] {
        let budi = stack.customer(chat);
        let kill = async |op: &str| {
            let fault = json!({"at": "dynamodb", "fault": fault, "op": op, "times": 1});
            stack.fault(fault).await;
        };
        kill("PutItem").await;
        budi.say("/order").await;
        for (button, asks) in [
            ("Booking", "Kapan Anda mau datang?"),
            ("Sabtu, 5 Desember 2026", "Tanggal: Sabtu, 5 Desember 2026."),
            ("iPhone 6", "Tanggal: Sabtu, 5 Desember 2026."),
            (if chat == 1 { "09.00" } else { "12.00" }, "iPhone 6\n"),
            ("Battery", "Ringkasan pesanan"),
        ] {
            kill("PutItem").await;
            let asked = budi.press(button).await;
            assert!(
                asked.text.starts_with(asks),
                "{fault} {button}: {}",
                asked.text
            );
        }
        kill("TransactWriteItems").await;
        budi.press("Book Now").await;
        stack.end_faults().await;
        booked_once(&stack, chat, &budi.newest().await, fault).await;
        let mut replies = budi.messages().await;
        replies.retain(|message| message.from_bot);
        assert_eq!(replies.len(), 7, "{fault}: each answered once");
    }
}

#[tokio::test]
async fn a_function_that_dies_while_the_payment_page_is_opened_leaves_one_booking() {
    let stack = Stack::start();
    for (chat, fault, slot) in [
        (
            1,
            json!({"at": "midtrans", "fault": "kill_before"}),
            "09.00",
        ),
        (2, json!({"at": "midtrans", "fault": "kill_after"}), "12.00"),
        // What is put alone records Midtrans' page.
        (
            3,
            json!({"at": "dynamodb", "op": "PutItem", "fault": "kill_before"}),
            "15.00",
        ),
        (
            4,
            json!({"at": "dynamodb", "op": "PutItem", "fault": "kill_after"}),
            "18.00",
        ),
    ] {
        let budi = stack.customer(chat);
        budi.summary("05/12/2026", slot).await;
        stack.fault(fault.clone()).await;
        assert_eq!(
            budi.press_for_status("Book Now").await,
            Some(200),
            "{fault}"
        );
        stack.end_faults().await;
        let told = budi.newest().await;
        booked_once(&stack, chat, &told, &fault.to_string()).await;
        pay(&stack, &booked(&told).link).await;
        pay_and_confirm(&stack, &booked(&told)).await;
    }
}

/// Pays whatever order id the page now has; the booking is confirmed by exactly that one.
async fn pay_and_confirm(stack: &Stack, booked: &Booked) {
    let page = stack.page(&booked.link).await;
    stack
        .bank(&page.order_id, json!({"do": "pay", "method": "bca_va"}))
        .await;
    stack.idle().await;
    let page = stack.page(&booked.link).await;
    assert_eq!(
        (page.payment.as_str(), page.repair.as_str()),
        ("Paid", "Confirmed")
    );
}

#[tokio::test]
async fn a_booking_stands_while_midtrans_is_down_and_is_paid_later() {
    let stack = Stack::start();
    for (chat, fault, slot) in [
        (1, "timeout_before", "09.00"),
        (2, "timeout_after", "12.00"),
        (3, "http_500", "15.00"),
        (4, "throttle", "18.00"),
    ] {
        let budi = stack.customer(chat);
        budi.summary("05/12/2026", slot).await;
        stack
            .fault(json!({"at": "midtrans", "fault": fault, "op": "transactions", "times": ALL}))
            .await;
        assert_eq!(
            budi.press_for_status("Book Now").await,
            Some(200),
            "{fault}"
        );
        let told = budi.newest().await;
        assert!(
            told.text.starts_with("Reservasi dibuat."),
            "{fault}: {}",
            told.text
        );
        booked_once(&stack, chat, &told, fault).await;
        stack.end_faults().await;
        let booked = booked(&told);
        let snap = pay(&stack, &booked.link).await;
        // A second click leads to the same page: one attempt is open at a time.
        assert_eq!(pay(&stack, &booked.link).await, snap, "{fault}");
        pay_and_confirm(&stack, &booked).await;
    }
}

#[tokio::test]
async fn a_lost_link_key_refuses_the_booking_and_not_half_of_it() {
    let stack = Stack::start();
    let budi = stack.customer(1);
    budi.summary("05/12/2026", "09.00").await;
    stack.delete_parameter("link-key").await;
    assert_eq!(budi.press_for_status("Book Now").await, Some(503));
    for at in ["RESERVATION", "SLOT#", "PAYMENT", "LINK"] {
        assert!(stack.rows_at(at).await.is_empty(), "{at}");
    }
    stack
        .put_parameter("link-key", "demo-link-key-of-the-local-stack")
        .await;
    stack.advance("10s").await;
    booked_once(&stack, 1, &budi.newest().await, "the key is back").await;
}

#[tokio::test]
async fn a_seat_whose_hold_ended_is_raced_for_once_more() {
    let stack = Stack::start();
    stack.customer(1).book("09.00").await;
    stack.advance("65m").await;
    let customers: Vec<Customer<'_>> = (2..=21).map(|chat| stack.customer(chat)).collect();
    join_all(
        customers
            .iter()
            .map(|one| one.summary("05/12/2026", "09.00")),
    )
    .await;
    let answers = join_all(customers.iter().map(|one| one.press("Book Now"))).await;
    let won = answers.iter().filter(|answer| answer.code().is_some());
    assert_eq!(won.count(), 1);
    assert_eq!(stack.rows_at("RESERVATION").await.len(), 2);
    assert_eq!(stack.rows_at("SLOT#").await.len(), 1);
}
