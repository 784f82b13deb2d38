//! *Bagikan nomor*: the customer's number is taken from nobody but the customer, kept with their
//! consent, and forgotten when they ask.

#![expect(clippy::indexing_slicing, reason = "a test may stop where it stands")]

use pesan_tests::{Customer, MORNING, Stack, TELEGRAM_SECRET, phone_of};
use serde_json::{Value, json};

/// What the chat's row keeps of a number.
async fn kept(stack: &Stack) -> Value {
    let rows = stack.rows_at("CHAT").await;
    assert_eq!(rows.len(), 1, "{rows:#?}");
    rows[0]["phone"]["M"].clone()
}

async fn digits(stack: &Stack) -> String {
    let kept = kept(stack).await;
    kept["digits"]["S"].as_str().unwrap_or("none").to_owned()
}

/// A contact card's update as Telegram makes it.
fn contact_update(id: i64, chat: i64, contact: Value) -> Value {
    json!({
        "update_id": id,
        "message": {
            "message_id": id,
            "date": 1_764_550_800,
            "from": {"id": chat, "is_bot": false, "first_name": "Budi", "language_code": "id"},
            "chat": {"id": chat, "type": "private", "first_name": "Budi"},
            "contact": contact,
        },
    })
}

async fn asked(budi: &Customer<'_>) {
    budi.book("09.00").await;
    budi.press("Bagikan nomor").await;
}

#[tokio::test]
async fn a_customer_shares_their_number_after_the_booking() {
    let stack = Stack::start();
    let budi = stack.customer(1);
    budi.book("09.00").await;
    assert_eq!(kept(&stack).await, Value::Null);
    insta::assert_snapshot!(budi.press("Bagikan nomor").await.seen(), @r"
    Tekan Bagikan nomor di bawah kolom pesan, dan bukti pembayaran juga dikirim lewat WhatsApp.

    Nomor Anda hanya dipakai Jaya Gadget Servis untuk pesan tentang pesanan Anda, dan bisa dihapus kapan saja dengan /hapusnomor.
    [Bagikan nomor]
    [Nanti saja]
    ");
    assert_eq!(kept(&stack).await, Value::Null, "asked is not shared");
    insta::assert_snapshot!(budi.press("Bagikan nomor").await.seen(), @"Terima kasih, nomor Anda kami simpan. Mulai sekarang bukti pembayaran juga dikirim lewat WhatsApp. Untuk menghapusnya kapan saja, ketik /hapusnomor.");
    let kept = kept(&stack).await;
    assert_eq!(kept["digits"]["S"], phone_of(1));
    assert_eq!(kept["source"]["S"], "telegram");
    let shared_at: i64 = kept["shared_at"]["N"].as_str().unwrap().parse().unwrap();
    let morning: jiff::Timestamp = MORNING.parse().unwrap();
    assert!((0..300).contains(&(shared_at - morning.as_second())));

    // It outlives whatever the customer does next, and is not asked for again.
    let booked = budi.summary("05/12/2026", "12.00").await;
    assert!(booked.code().is_some());
    let booked = budi.press("Book Now").await;
    assert_eq!(booked.buttons, ["Bayar Sekarang"]);
    assert!(!booked.text.contains("WhatsApp"), "{}", booked.text);
    assert_eq!(digits(&stack).await, phone_of(1));
}

#[tokio::test]
async fn the_keyboard_is_the_customers_again_once_it_was_used() {
    let stack = Stack::start();
    let budi = stack.customer(1);
    asked(&budi).await;
    let offered = budi.newest().await;
    budi.press("Bagikan nomor").await;
    let messages = budi.messages().await;
    let asked = messages.iter().find(|message| message.id == offered.id);
    assert_eq!(asked.unwrap().buttons, Vec::<String>::new());
}

#[tokio::test]
async fn a_number_is_read_with_its_plus_and_without_and_the_newest_is_kept() {
    let stack = Stack::start();
    let budi = stack.customer(1);
    asked(&budi).await;
    for (phone, digits_kept) in [
        ("6281200000041", "6281200000041"),
        ("+62 812-0000-0042", "6281200000042"),
        ("+16505551234", "16505551234"),
    ] {
        let told = budi.contact(json!({"phone": phone})).await;
        assert!(told.text.starts_with("Terima kasih"), "{}", told.text);
        assert_eq!(digits(&stack).await, digits_kept);
    }
}

#[tokio::test]
async fn nobody_elses_number_is_taken() {
    let stack = Stack::start();
    let budi = stack.customer(1);
    asked(&budi).await;
    let question = budi.newest().await;
    for card in [
        json!({"phone": "+6281200000043", "user_id": 2}),
        json!({"phone": "+6281200000043", "user_id": null}),
        json!({"phone": "+6281200000043", "user_id": -1}),
    ] {
        let told = budi.contact(card.clone()).await;
        let refusal = "Itu bukan kontak Anda sendiri, jadi tidak kami simpan.";
        assert!(told.text.starts_with(refusal), "{card}: {}", told.text);
        assert_eq!(told.buttons, question.buttons, "it is asked again");
        assert_eq!(kept(&stack).await, Value::Null, "{card}");
    }
    // Nor where nobody asked, nor in place of the own one.
    budi.say("/start").await;
    let told = budi
        .contact(json!({"phone": "+6281200000043", "user_id": 2}))
        .await;
    assert_eq!(told.buttons, question.buttons);
    budi.contact(json!({})).await;
    budi.contact(json!({"phone": "+6281200000043", "user_id": 2}))
        .await;
    assert_eq!(digits(&stack).await, phone_of(1));
}

#[tokio::test]
async fn what_is_no_phone_number_is_refused_with_what_to_do() {
    let stack = Stack::start();
    let budi = stack.customer(1);
    asked(&budi).await;
    for phone in [
        "",
        "081200000044",
        "+62",
        "nomor saya",
        "+628120000004412345",
        "٦٢٨١٢٠٠٠٠٠٠٤٤",
    ] {
        let told = budi.contact(json!({"phone": phone})).await;
        let refusal = "Nomor di kontak itu belum bisa kami pakai";
        assert!(told.text.starts_with(refusal), "{phone}: {}", told.text);
        assert!(told.text.contains("bagikan lagi"), "{}", told.text);
        assert_eq!(kept(&stack).await, Value::Null, "{phone}");
    }
    let none = json!({"first_name": "Budi", "user_id": 1});
    let answer = stack
        .update(Some(TELEGRAM_SECRET), &contact_update(1, 1, none))
        .await;
    assert_eq!(answer.status(), 400);
}

#[tokio::test]
async fn c4_a_shared_number_that_comes_again_changes_nothing() {
    let stack = Stack::start();
    stack.customer(1);
    let card = json!({"phone_number": phone_of(1), "first_name": "Budi", "user_id": 1});
    let update = contact_update(1, 1, card);
    let mut answers = Vec::new();
    for _ in 0..3 {
        let answer = stack.update(Some(TELEGRAM_SECRET), &update).await;
        assert_eq!(answer.status(), 200);
        answers.push(answer.json::<Value>().await.unwrap());
        stack.advance("1m").await;
    }
    assert_eq!(answers[0]["reply_markup"], json!({"remove_keyboard": true}));
    assert_eq!(answers[1], answers[0]);
    assert_eq!(answers[2], answers[0]);
    let rows = stack.rows_at("CHAT").await;
    assert_eq!(rows[0]["version"]["N"], "1");

    // Forgotten, it is not brought back by the old update.
    let budi = stack.customer(1);
    budi.say("/hapusnomor").await;
    stack.update(Some(TELEGRAM_SECRET), &update).await;
    assert_eq!(kept(&stack).await, Value::Null);
}

#[tokio::test]
async fn who_takes_the_number_back_is_forgotten() {
    let stack = Stack::start();
    let budi = stack.customer(1);
    insta::assert_snapshot!(budi.say("/hapusnomor").await.seen(), @"Tidak ada nomor Anda yang kami simpan, jadi tidak ada yang perlu dihapus.");
    for command in ["/hapusnomor", "/forgetnumber"] {
        budi.contact(json!({})).await;
        assert_eq!(digits(&stack).await, phone_of(1));
        assert_eq!(
            budi.say(command).await.text,
            "Nomor Anda sudah kami hapus. Pesan selanjutnya hanya dikirim di sini."
        );
        assert_eq!(kept(&stack).await, Value::Null);
        let rows = stack.rows_at("CHAT").await;
        assert!(!rows[0].to_string().contains(&phone_of(1)), "{rows:?}");
    }
    budi.book("09.00").await;
    assert!(
        budi.newest()
            .await
            .buttons
            .contains(&"Bagikan nomor".to_owned())
    );
}

#[tokio::test]
async fn all_of_it_is_there_in_english() {
    let stack = Stack::start();
    let ann = stack.customer_of("demo", 2, "en");
    ann.book("09.00").await;
    insta::assert_snapshot!(ann.press("Share my number").await.seen(), @r"
    Press Share my number below the message field, and the receipt also comes by WhatsApp.

    Only Jaya Gadget Servis uses your number, for messages about your bookings, and you can take it back at any time with /forgetnumber.
    [Share my number]
    [Not now]
    ");
    let foreign = json!({"phone": "+6281200000045", "user_id": 1});
    insta::assert_snapshot!(ann.contact(foreign).await.seen(), @r"
    That contact is not your own, so we have not kept it. You can share only your own number, with the button Share my number.

    Press Share my number below the message field, and the receipt also comes by WhatsApp.

    Only Jaya Gadget Servis uses your number, for messages about your bookings, and you can take it back at any time with /forgetnumber.
    [Share my number]
    [Not now]
    ");
    let told = ann.contact(json!({"phone": "0812"})).await;
    let refusal = "We cannot use the number in that contact: it needs its country code, as in \
                   +62 812 3456 7890. Check your number in Telegram and share it again.\n\nPress";
    assert!(told.text.starts_with(refusal), "{}", told.text);
    ann.contact(json!({"phone": "+6281200000046"})).await;
    insta::assert_snapshot!(ann.newest().await.seen(), @"Thank you, we have kept your number. From now on the receipt also comes by WhatsApp. To take the number back at any time, type /forgetnumber.");
    insta::assert_snapshot!(ann.say("/forgetnumber").await.seen(), @"Your number is deleted. From now on you are written to only here.");
    insta::assert_snapshot!(ann.say("/forgetnumber").await.seen(), @"We keep no number of yours, so there is nothing to delete.");
    insta::assert_snapshot!(ann.say("Not now").await.seen(), @"All right, no number then. The receipt comes here.");
}

#[tokio::test]
async fn who_would_rather_not_is_not_asked_twice() {
    let stack = Stack::start();
    let budi = stack.customer(1);
    for (slot, no) in [
        ("09.00", "Nanti saja"),
        ("12.00", "batal"),
        ("15.00", "Not now"),
    ] {
        budi.book(slot).await;
        budi.press("Bagikan nomor").await;
        assert_eq!(
            budi.say(no).await.text,
            "Baik, kami tidak meminta nomor Anda. Bukti pembayaran dikirim di sini."
        );
        assert_eq!(kept(&stack).await, Value::Null);
    }
    budi.book("18.00").await;
    budi.press("Bagikan nomor").await;
    let told = budi.say("0812 0000 0047").await;
    assert!(
        told.text
            .starts_with("Silakan tekan salah satu tombol di bawah"),
        "a typed number may be anybody's: {}",
        told.text
    );
    assert_eq!(kept(&stack).await, Value::Null);
}

#[tokio::test]
async fn the_offer_holds_however_old_and_costs_no_booking() {
    let stack = Stack::start();
    let budi = stack.customer(1);
    budi.book("09.00").await;
    let offer = budi.newest().await.data_of("Bagikan nomor").to_owned();
    budi.press("Bayar Sekarang").await;
    let asked = budi.press_data(&offer).await;
    assert!(asked.text.starts_with("Tekan Bagikan nomor"));

    let summary = budi.summary("05/12/2026", "12.00").await;
    let still = budi.press_data(&offer).await;
    let old = "Tombol itu dari pesan lama.";
    assert!(still.text.starts_with(old), "{}", still.text);
    assert_eq!(still.code(), summary.code());
    let told = budi.contact(json!({})).await;
    assert!(told.text.starts_with("Terima kasih"), "{}", told.text);
    assert_eq!(told.code(), summary.code());
    assert_eq!(digits(&stack).await, phone_of(1));
    budi.say("/hapusnomor").await;
    let booked = budi.press("Book Now").await;
    assert_eq!(booked.code(), summary.code());
}

#[tokio::test]
async fn a_shop_without_whatsapp_neither_asks_nor_keeps() {
    let stack = Stack::start();
    let operator = pesan_tests::operator::Operator::of(&stack);
    operator.does("pesan whatsapp suspend demo");
    stack.advance("2m").await;
    let budi = stack.customer(1);
    budi.book("09.00").await;
    assert_eq!(budi.newest().await.buttons, ["Bayar Sekarang"]);
    let told = budi.contact(json!({})).await;
    insta::assert_snapshot!(told.seen(), @"Toko ini belum mengirim pesan lewat WhatsApp, jadi nomor Anda tidak kami simpan. Bukti pembayaran dikirim di sini.");
    assert_eq!(kept(&stack).await, Value::Null);
}
