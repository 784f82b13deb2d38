//! What old keyboards, tampered clients and guessed codes get from the booking bot.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

use pesan_tests::{Customer, Message, Stack, TELEGRAM_SECRET, press_update, text_update};
use serde_json::{Value, json};

/// Every row but the chats', in order.
async fn rows_beside_chats(stack: &Stack) -> Vec<String> {
    let mut rows = stack.rows().await;
    rows.retain(|row| row["SK"]["S"] != "CHAT");
    let mut rows: Vec<String> = rows.iter().map(Value::to_string).collect();
    rows.sort();
    rows
}

/// What a person sees below the note.
fn below_note(message: &Message) -> (&str, &[String]) {
    let (_, rest) = message.text.split_once("\n\n").unwrap();
    (rest, &message.buttons)
}

/// What leads from `/order` to the summary.
const STEPS: [&str; 5] = [
    "Booking",
    "Sabtu, 5 Desember 2026",
    "iPhone 6",
    "09.00",
    "Battery",
];

/// Begins to book and takes so many steps; what the bot then asks.
async fn walk(customer: &Customer<'_>, steps: usize) -> Message {
    let mut asked = customer.say("/order").await;
    for button in &STEPS[..steps] {
        asked = customer.press(button).await;
    }
    asked
}

/// Presses a button of the newest keyboard's version that may not be on it.
async fn forge(customer: &Customer<'_>, button: &str) -> Message {
    let version = customer.newest().await.version().to_owned();
    customer.press_data(&format!("{version}:{button}")).await
}

const OLD: &str = "Tombol itu dari pesan lama. Ini langkah Anda sekarang:";
const NOT_NOW: &str = "Tombol itu tidak berlaku di langkah ini. Ini langkah Anda sekarang:";

#[tokio::test]
async fn c14_a_button_of_an_old_keyboard_is_refused_and_shows_the_step() {
    let stack = Stack::start();
    let budi = stack.customer(1);
    let mut old = Vec::new();
    let before = rows_beside_chats(&stack).await;
    budi.say("/order").await;
    for button in STEPS {
        old.push(budi.newest().await.data_of(button).to_owned());
        let asked = budi.press(button).await;
        for data in &old {
            let refused = budi.press_data(data).await;
            assert!(refused.text.starts_with(OLD), "{data}: {}", refused.text);
            assert_eq!(
                below_note(&refused),
                (asked.text.as_str(), &asked.buttons[..])
            );
        }
    }
    assert_eq!(rows_beside_chats(&stack).await, before);
    // A confirm button of a summary that was left, after another was begun.
    let left = budi.newest().await.data_of("Book Now").to_owned();
    budi.say("/order").await;
    budi.press("Booking").await;
    let refused = budi.press_data(&left).await;
    assert!(refused.text.starts_with(OLD), "{}", refused.text);
    assert_eq!(rows_beside_chats(&stack).await, before);
}

#[tokio::test]
async fn c14_book_now_replayed_after_the_booking_books_nothing_more() {
    let stack = Stack::start();
    let budi = stack.customer(1);
    let summary = budi.summary("05/12/2026", "09.00").await;
    let book_now = summary.data_of("Book Now").to_owned();
    let booked = budi.press("Book Now").await;
    let before = rows_beside_chats(&stack).await;
    let replayed = budi.press_data(&book_now).await;
    assert!(replayed.text.starts_with(OLD), "{}", replayed.text);
    assert_eq!(replayed.code(), booked.code());
    assert_eq!(rows_beside_chats(&stack).await, before);
    assert_eq!(stack.count("midtrans", Some("transactions")).await, 1);
}

#[tokio::test]
async fn c14_a_skipped_step_is_refused_and_shows_the_step() {
    let stack = Stack::start();
    let budi = stack.customer(1);
    let before = rows_beside_chats(&stack).await;
    let buttons = [
        "booking",
        "date:2026-12-05",
        "dev:iphone-6",
        "slot:0900",
        "part:iphone-6-battery",
        "book",
    ];
    for step in 0..buttons.len() {
        let asked = walk(&budi, step).await;
        for (other, button) in buttons.iter().enumerate() {
            if other == step {
                continue;
            }
            let refused = forge(&budi, button).await;
            assert!(
                refused.text.starts_with(NOT_NOW),
                "{button} at step {step}: {}",
                refused.text
            );
            assert_eq!(refused.buttons, asked.buttons, "{button} at step {step}");
        }
    }
    assert_eq!(rows_beside_chats(&stack).await, before);
}

#[tokio::test]
async fn c13_forged_data_is_refused_and_shows_the_step() {
    let stack = Stack::start();
    let other = stack.customer(2).book("12.00").await;
    let budi = stack.customer(1);
    let before = rows_beside_chats(&stack).await;
    let asked = walk(&budi, 2).await;
    let long = format!("part:{}", "a".repeat(56));
    for forged in [
        "",
        ":",
        "price:1",
        "page:-1",
        "page:99999999",
        "dev:iPhone 6",
        "slot:09:00",
        "slot:0900:1",
        "date:2026-12-05T09:00:00Z",
        "date:-9999-01-01",
        "book:1",
        "pay:00000000",
        "pay:../../etc",
        "dev:<b>x</b>",
        &long,
    ] {
        let refused = forge(&budi, forged).await;
        assert!(
            refused.text.starts_with(NOT_NOW),
            "{forged}: {}",
            refused.text
        );
        assert_eq!(refused.buttons, asked.buttons, "{forged}");
    }
    for forged in [
        format!("book:{}", other.code),
        "x".repeat(64),
        "x".repeat(65),
        "-1:book".to_owned(),
        "99999999999999999999:book".to_owned(),
        "\u{0}".to_owned(),
        "🙂".repeat(16),
    ] {
        let refused = budi.press_data(&forged).await;
        assert!(
            refused.text.starts_with(NOT_NOW),
            "{forged}: {}",
            refused.text
        );
        assert_eq!(refused.buttons, asked.buttons, "{forged}");
    }
    assert_eq!(rows_beside_chats(&stack).await, before);
}

#[tokio::test]
async fn c13_a_forged_choice_outside_the_catalog_or_the_day_is_refused() {
    let stack = Stack::start();
    stack.customer(2).book("12.00").await;
    let budi = stack.customer(1);
    let before = rows_beside_chats(&stack).await;
    budi.say("/order").await;
    let days = budi.press("Booking").await;
    for (date, words) in [
        ("2020-01-01", "Tanggal itu sudah lewat."),
        ("2030-01-01", "Tanggal itu terlalu jauh."),
    ] {
        let refused = forge(&budi, &format!("date:{date}")).await;
        assert!(refused.text.starts_with(words), "{}", refused.text);
        assert_eq!(refused.buttons, days.buttons);
    }
    let devices = budi.say("05/12/2026").await;
    let refused = forge(&budi, "dev:nokia-3310").await;
    let not_offered = "Pilihan itu tidak ada di daftar kami.";
    assert!(refused.text.starts_with(not_offered), "{}", refused.text);
    assert_eq!(refused.buttons, devices.buttons);
    let last_page = forge(&budi, "page:65535").await;
    assert_eq!(last_page.buttons[0], "iPhone 13");
    let slots = forge(&budi, "dev:iphone-6").await;
    for slot in ["0000", "1000", "2359"] {
        let refused = forge(&budi, &format!("slot:{slot}")).await;
        let gone = "Jam itu tidak bisa dipesan lagi.";
        assert!(refused.text.starts_with(gone), "{}", refused.text);
        assert_eq!(refused.buttons, slots.buttons);
    }
    // The other customer's slot, which is not on the keyboard: the seats are looked at where all is
    // summed up.
    forge(&budi, "slot:1200").await;
    let refused = budi.press("Battery").await;
    assert!(
        refused.text.starts_with("Maaf, jam itu baru saja diambil"),
        "{}",
        refused.text
    );
    assert_eq!(refused.buttons, slots.buttons);
    // The battery was chosen by then, so that only the slot is asked.
    let summary = budi.press("15.00").await;
    assert!(summary.text.contains("Total: Rp70.000"), "{}", summary.text);
    assert_eq!(rows_beside_chats(&stack).await, before);
}

#[tokio::test]
async fn c13_a_part_of_another_device_is_refused_and_the_price_is_the_catalogs() {
    let stack = Stack::start();
    let budi = stack.customer(1);
    let before = rows_beside_chats(&stack).await;
    let parts = walk(&budi, 4).await;
    for part in ["iphone-13-lcd", "iphone-6-nothing", "iphone-6"] {
        let refused = forge(&budi, &format!("part:{part}")).await;
        let not_offered = "Pilihan itu tidak ada di daftar kami.";
        assert!(refused.text.starts_with(not_offered), "{}", refused.text);
        assert_eq!(refused.buttons, parts.buttons, "{part}");
    }
    assert_eq!(rows_beside_chats(&stack).await, before);
    budi.press("Battery").await;
    let booked = budi.press("Book Now").await;
    let order = stack.transaction(&booked.code().unwrap()).await.unwrap();
    assert_eq!(order["gross_amount"], 70_000);
}

#[tokio::test]
async fn c13_pay_now_with_anothers_code_shows_nothing_of_it() {
    let stack = Stack::start();
    let other = stack.customer(2).book("12.00").await;
    let budi = stack.customer(1);
    budi.say("/start").await;
    let before = rows_beside_chats(&stack).await;
    let foreign = budi.press_data(&format!("0:pay:{}", other.code)).await;
    budi.say("/start").await;
    let unknown = budi.press_data("0:pay:10000000").await;
    assert_eq!(foreign.text, unknown.text);
    assert!(
        foreign
            .text
            .starts_with("Tidak ada pesanan Anda dengan kode itu."),
        "{}",
        foreign.text
    );
    assert_eq!(rows_beside_chats(&stack).await, before);
}

#[tokio::test]
async fn status_answers_an_unknown_code_and_anothers_alike() {
    let stack = Stack::start();
    for (language, slot, words) in [
        (
            "id",
            "09.00",
            "Tidak ada pesanan Anda dengan kode itu. Periksa lagi kodenya.",
        ),
        (
            "en",
            "12.00",
            "You have no booking with that code. Check it again.",
        ),
    ] {
        let owner = stack.customer_of("demo", 1, language);
        let curious = stack.customer_of("demo", 2, language);
        let booked = owner.book(slot).await;
        owner.say("/status").await;
        let shown = owner.say(&booked.code).await;
        assert_eq!(shown.link(), Some(booked.link));
        curious.say("/status").await;
        let foreign = curious.say(&booked.code).await;
        let unknown = curious.say("10000000").await;
        assert!(foreign.text.starts_with(words), "{}", foreign.text);
        assert_eq!(foreign.text, unknown.text);
        assert_eq!(foreign.buttons, unknown.buttons);
    }
    // What cannot be a code is no guess.
    let typist = stack.customer(3);
    typist.say("/status").await;
    for no_code in [
        "1234567",
        "123456789",
        "01234567",
        "kode",
        "1234 5678",
        "١٢٣٤٥٦٧٨",
    ] {
        let told = typist.say(no_code).await;
        assert!(
            told.text.starts_with("Kode booking terdiri dari 8 angka"),
            "{no_code}: {}",
            told.text
        );
    }
    let still = typist.say("10000000").await;
    assert!(
        still.text.starts_with("Tidak ada pesanan"),
        "{}",
        still.text
    );
}

#[tokio::test]
async fn five_wrong_codes_lock_the_chat_for_an_hour() {
    let stack = Stack::start();
    let budi = stack.customer(1);
    let booked = budi.book("09.00").await;
    let other = stack.customer(2).book("12.00").await;
    budi.say("/status").await;
    for wrong in 0..5 {
        let told = budi.say(&format!("1000000{wrong}")).await;
        assert!(told.text.starts_with("Tidak ada pesanan"), "{}", told.text);
    }
    let locked = "Terlalu banyak kode yang salah. Coba lagi setelah 09.00 WIB.";
    for code in [&booked.code, &other.code, "10000009"] {
        let told = budi.say(code).await;
        assert!(told.text.starts_with(locked), "{}", told.text);
        // Neither does beginning anew open it.
        budi.say("/start").await;
        budi.say("/status").await;
    }
    // Nobody else is locked out.
    let neighbour = stack.customer(2);
    neighbour.say("/status").await;
    assert_eq!(neighbour.say(&other.code).await.link(), Some(other.link));
    stack.advance("58m").await;
    let told = budi.say(&booked.code).await;
    assert!(told.text.starts_with(locked), "{}", told.text);
    stack.advance("2m").await;
    assert_eq!(budi.say(&booked.code).await.link(), Some(booked.link));
    // The count begins anew.
    budi.say("/status").await;
    let told = budi.say("10000000").await;
    assert!(told.text.starts_with("Tidak ada pesanan"), "{}", told.text);
    let told = budi.say("10000001").await;
    assert!(told.text.starts_with("Tidak ada pesanan"), "{}", told.text);
}

#[tokio::test]
async fn e17_a_name_is_shown_as_it_is_written() {
    let stack = Stack::start();
    for (id, name) in (1..).zip([
        "<b>A & B</b>",
        "</a><a href=\"tg://user?id=1\">x</a>",
        "&lt;b&gt; &amp; &#60;",
        "</b>",
        "<",
        "Budi\u{202e}",
    ]) {
        let mut update = text_update(id, id, "/start");
        update["message"]["from"]["first_name"] = json!(name);
        let response = stack.update(Some(TELEGRAM_SECRET), &update).await;
        let answer: Value = response.json().await.unwrap();
        let escaped = name
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
        let text = answer["text"].as_str().unwrap();
        assert!(text.starts_with(&format!("Halo {escaped}! ")), "{text}");
        assert_eq!(answer["parse_mode"], "HTML");
        // Telegram's own parser reads it back as it was, to the end of the booking.
        let chat = format!("/sandbox/telegram/demo/chats/{}", 100 + id);
        let said = json!({"text": "/start", "first_name": name, "language_code": "id"});
        stack.handle(&format!("{chat}/text"), &said).await;
        let chat = stack.get_json(&chat).await;
        let greeted = chat["messages"][1]["text"].as_str().unwrap();
        assert!(greeted.starts_with(&format!("Halo {name}! ")), "{greeted}");
    }
}

#[tokio::test]
async fn e17_a_customer_of_any_name_books_and_pays() {
    let stack = Stack::start();
    let name = format!("{}<b>&", "🙂".repeat(80));
    let budi = stack.customer(1);
    budi.summary("05/12/2026", "09.00").await;
    let mut update = press_update(1, 1, 1, budi.newest().await.data_of("Book Now"));
    update["callback_query"]["from"]["first_name"] = json!(name);
    let response = stack.update(Some(TELEGRAM_SECRET), &update).await;
    assert_eq!(response.status(), 200);
    assert_eq!(stack.rows_at("RESERVATION").await.len(), 1);
    let calls = stack.calls("midtrans").await;
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0]["status"], 201, "{}", calls[0]["body"]);
}

#[tokio::test]
async fn i8_chats_of_64_bits_and_below_zero_are_chats() {
    let stack = Stack::start();
    for (chat, slot) in [
        (-1_001_234_567_890_123, "09.00"),
        (i64::MIN, "12.00"),
        (i64::MAX, "15.00"),
        ((1 << 52) + 1, "18.00"),
    ] {
        let customer = stack.customer(chat);
        let booked = customer.book(slot).await;
        customer.say("/status").await;
        assert_eq!(customer.say(&booked.code).await.link(), Some(booked.link));
    }
    let chats: Vec<String> = stack
        .rows_at("CHAT")
        .await
        .iter()
        .map(|row| row["chat"]["N"].as_str().unwrap().to_owned())
        .collect();
    for chat in [
        "-1001234567890123",
        "-9223372036854775808",
        "4503599627370497",
    ] {
        assert!(chats.iter().any(|known| known == chat), "{chats:?}");
    }
}
