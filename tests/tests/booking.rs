//! Which days and slots the booking bot gives out, for how long, and to whom.

use pesan_tests::{Stack, text_update};
use reqwest::Method;

#[tokio::test]
async fn i4_a_typed_date_is_read_back_in_words() {
    let stack = Stack::start();
    for (chat, language, words) in [
        (1, "id", "Tanggal: Minggu, 3 Januari 2027."),
        (2, "en", "Date: Sunday, 3 January 2027."),
    ] {
        let customer = stack.customer_of("demo", chat, language);
        customer.say("/order").await;
        customer.press("Booking").await;
        let devices = customer.say("03/01/2027").await;
        assert!(devices.text.starts_with(words), "{}", devices.text);
        let slots = customer.press("iPhone 6").await;
        assert!(slots.text.starts_with(words), "{}", slots.text);
    }
}

#[tokio::test]
async fn each_refused_day_has_its_own_words() {
    let stack = Stack::start();
    let budi = stack.customer(1);
    let ann = stack.customer_of("demo", 2, "en");
    for customer in [&budi, &ann] {
        customer.say("/order").await;
        customer.press("Booking").await;
    }
    for (typed, indonesian, english) in [
        (
            "31/02/2027",
            "Tanggal itu tidak ada di kalender.",
            "There is no such day in the calendar.",
        ),
        (
            "besok",
            "Itu belum bisa saya baca sebagai tanggal.",
            "I cannot read that as a date.",
        ),
        (
            "12/05/26",
            "Itu belum bisa saya baca sebagai tanggal.",
            "I cannot read that as a date.",
        ),
        (
            "30/11/2026",
            "Tanggal itu sudah lewat. Pilih hari ini atau sesudahnya.",
            "That day is past. Choose today or a later day.",
        ),
        (
            "31/01/2027",
            "Tanggal itu terlalu jauh. Paling jauh Sabtu, 30 Januari 2027.",
            "That day is too far ahead. The last one is Saturday, 30 January 2027.",
        ),
    ] {
        for (customer, words) in [(&budi, indonesian), (&ann, english)] {
            let refused = customer.say(typed).await;
            let (note, asked) = refused.text.split_once("\n\n").unwrap();
            assert_eq!(note, words, "{typed}");
            assert!(asked.contains("05/12/2026"), "asked again: {asked}");
            assert_eq!(refused.buttons.len(), 8, "seven days and Cancel");
        }
    }
    let last_day = budi.say("30/01/2027").await;
    assert!(
        last_day
            .text
            .starts_with("Tanggal: Sabtu, 30 Januari 2027.")
    );
}

#[tokio::test]
async fn i5_a_day_ends_at_midnight_of_the_shop() {
    let stack = Stack::start();
    let budi = stack.customer(1);
    stack.set_clock("2026-12-01T21:00:00+07:00").await;
    budi.say("/order").await;
    let days = budi.press("Booking").await;
    assert_eq!(days.buttons[0], "Rabu, 2 Desember 2026");
    let closed = "Semua jam hari ini sudah lewat. Pilih tanggal lain.";
    let refused = budi.say("01/12/2026").await;
    assert!(refused.text.starts_with(closed), "{}", refused.text);
    // Midnight in Jakarta is 17.00 UTC of the day before.
    stack.set_clock("2026-12-01T16:59:00Z").await;
    let refused = budi.say("01/12/2026").await;
    assert!(refused.text.starts_with(closed), "{}", refused.text);
    stack.set_clock("2026-12-01T17:00:00Z").await;
    let past = budi.say("01/12/2026").await;
    assert!(
        past.text.starts_with("Tanggal itu sudah lewat."),
        "{}",
        past.text
    );
    let today = budi.say("02/12/2026").await;
    assert!(today.text.starts_with("Tanggal: Rabu, 2 Desember 2026."));
}

#[tokio::test]
async fn only_free_slots_are_offered_and_a_full_day_is_refused() {
    let stack = Stack::start();
    let mut free = vec![
        "09.00–11.00 WIB",
        "12.00–14.00 WIB",
        "15.00–17.00 WIB",
        "18.00–20.00 WIB",
    ];
    for chat in 1..=4 {
        let customer = stack.customer(chat);
        customer.say("/order").await;
        customer.press("Booking").await;
        customer.say("05/12/2026").await;
        let slots = customer.press("iPhone 6").await;
        let offered = &slots.buttons[..slots.buttons.len() - 2];
        assert_eq!(offered, free, "customer {chat}");
        assert_eq!(slots.buttons[offered.len()..], ["Ganti tanggal", "Cancel"]);
        customer.press(free.remove(0)).await;
        customer.press("Battery").await;
        assert!(customer.press("Book Now").await.code().is_some());
    }
    for (chat, language, words) in [
        (
            5,
            "id",
            "Semua jam pada tanggal itu sudah penuh. Pilih tanggal lain.",
        ),
        (
            6,
            "en",
            "Every time on that day is taken. Choose another day.",
        ),
    ] {
        let late = stack.customer_of("demo", chat, language);
        late.say("/order").await;
        late.press("Booking").await;
        let refused = late.say("05/12/2026").await;
        assert!(refused.text.starts_with(words), "{}", refused.text);
        let next_day = late.say("06/12/2026").await;
        assert_eq!(next_day.buttons[0], "iPhone 6");
    }
}

#[tokio::test]
async fn slots_that_have_begun_are_not_offered() {
    let stack = Stack::start();
    stack.set_clock("2026-12-01T12:00:00+07:00").await;
    let budi = stack.customer(1);
    budi.say("/order").await;
    budi.press("Booking").await;
    budi.say("01/12/2026").await;
    let slots = budi.press("iPhone 6").await;
    assert_eq!(
        slots.buttons,
        [
            "15.00–17.00 WIB",
            "18.00–20.00 WIB",
            "Ganti tanggal",
            "Cancel"
        ]
    );
    // One that begins while the customer looks at it.
    stack.set_clock("2026-12-01T15:00:00+07:00").await;
    let gone = budi.press("15.00").await;
    insta::assert_snapshot!(gone.seen(), @r"
    Jam itu tidak bisa dipesan lagi. Pilih jam lain.

    Tanggal: Selasa, 1 Desember 2026.

    Pilih jam yang masih kosong:
    [18.00–20.00 WIB]
    [Ganti tanggal]
    [Cancel]
    ");
}

#[tokio::test]
async fn cancel_leads_back_to_the_start_from_every_step() {
    let stack = Stack::start();
    let budi = stack.customer(1);
    let greeting = budi.say("/start").await;
    let steps = [
        "Booking",
        "Sabtu, 5 Desember 2026",
        "iPhone 6",
        "09.00",
        "Battery",
    ];
    for depth in 0..=steps.len() {
        for cancel in ["Cancel", "cancel", "Batal"] {
            budi.say("/order").await;
            for step in &steps[..depth] {
                budi.press(step).await;
            }
            let back = match cancel {
                "Cancel" => budi.press(cancel).await,
                typed => budi.say(typed).await,
            };
            assert_eq!(
                back.text,
                format!("Reservasi dibatalkan.\n\n{}", greeting.text),
                "after {depth} steps"
            );
            assert_eq!(back.buttons, ["Booking"]);
        }
    }
    assert!(stack.rows_at("RESERVATION").await.is_empty());
    assert!(stack.rows_at("SLOT#").await.is_empty());
}

#[tokio::test]
async fn cancel_does_not_say_that_a_booking_which_stands_was_called_off() {
    let stack = Stack::start();
    let budi = stack.customer(1);
    let booked = budi.book("09.00").await;
    let after_booking = budi.say("batal").await;
    budi.say("/status").await;
    let asked_for_code = budi.press("Cancel").await;
    budi.say("/status").await;
    budi.say(&booked.code).await;
    let after_status = budi.say("cancel").await;
    assert_eq!(stack.page(&booked.link).await.repair, "Held");
    for told in [after_booking, asked_for_code, after_status] {
        assert!(
            !told.text.contains("Reservasi dibatalkan."),
            "the booking stands: {}",
            told.text
        );
    }
}

#[tokio::test]
async fn change_date_keeps_the_rest() {
    let stack = Stack::start();
    let budi = stack.customer(1);
    let before = budi.summary("05/12/2026", "09.00").await;
    let asked = budi.press("Ganti tanggal").await;
    assert!(asked.text.starts_with("Kapan Anda mau datang?"));
    let slots = budi.say("06/12/2026").await;
    assert!(slots.text.contains("Pilih jam"), "{}", slots.text);
    let summary = budi.press("15.00").await;
    insta::assert_snapshot!(summary.seen(), @r"
    Ringkasan pesanan
    ID order: [code]
    Total: Rp70.000
    Tanggal: Minggu, 6 Desember 2026
    Jam: 15.00–17.00 WIB
    Perangkat: iPhone 6
    Komponen: Battery

    Sudah benar? Tekan Book Now untuk memesan.
    [Book Now]
    [Cancel]
    [Ganti tanggal]
    ");
    assert_eq!(summary.code(), before.code());
}

#[tokio::test]
async fn pay_now_of_an_old_message_still_leads_to_the_booking() {
    let stack = Stack::start();
    for (chat, language, label, slot) in [
        (1, "id", "Bayar Sekarang", "09.00"),
        (2, "en", "Pay now", "12.00"),
    ] {
        let customer = stack.customer_of("demo", chat, language);
        let booked = customer.book(slot).await;
        let pay = customer.newest().await.data_of(label).to_owned();
        customer.summary("06/12/2026", slot).await;
        customer.say("/catalog").await;
        let shown = customer.press_data(&pay).await;
        assert_eq!(shown.link(), Some(booked.link.clone()));
        assert_eq!(shown.buttons, [label]);
        let again = customer.press_data(&pay).await;
        assert_eq!(again.link(), Some(booked.link.clone()));
        assert!(again.id > shown.id);
    }
}

#[tokio::test]
async fn an_unpaid_hold_ends_by_the_clock_and_its_seat_is_sold_five_minutes_later() {
    let stack = Stack::start();
    let late = stack.customer(1).book("09.00").await;
    let next = stack.customer(2);
    let slots = async |date: &str| {
        next.say("/order").await;
        next.press("Booking").await;
        next.say(date).await;
        next.press("iPhone 6").await
    };
    stack.advance("59m").await;
    assert_eq!(stack.page(&late.link).await.repair, "Held");
    stack.advance("1m").await;
    assert_eq!(stack.page(&late.link).await.repair, "Expired");
    stack.advance("4m").await;
    assert_eq!(slots("05/12/2026").await.buttons[0], "12.00–14.00 WIB");
    stack.advance("1m").await;
    assert_eq!(slots("05/12/2026").await.buttons[0], "09.00–11.00 WIB");
    next.press("09.00").await;
    next.press("Battery").await;
    let booked = next.press("Book Now").await;
    let page = stack.page(&booked.link().unwrap()).await;
    assert_eq!(
        (page.order_id, page.repair),
        (booked.code().unwrap(), "Held".to_owned())
    );
    assert_eq!(stack.page(&late.link).await.repair, "Expired");
    // The seat is one row, and it is the second customer's.
    let seats = stack.rows_at("SLOT#").await;
    assert_eq!(seats.len(), 1);
    assert_eq!(seats[0]["code"]["S"], booked.code().unwrap());
    let first = stack.customer(1);
    first.say("/status").await;
    let status = first.say(&late.code).await;
    insta::assert_snapshot!(status.seen(), @r"
    ID order: [code]
    Total: Rp70.000
    Status pembayaran: Belum dibayar
    Status perbaikan: Tidak dibayar tepat waktu
    Tanggal: Sabtu, 5 Desember 2026
    Jam: 09.00–11.00 WIB
    Perangkat: iPhone 6
    Komponen: Battery

    Halaman pesanan Anda:
    [page]
    ");
    let refused = stack
        .request(
            Method::POST,
            late.link.strip_prefix(stack.base_url()).unwrap(),
        )
        .send()
        .await
        .unwrap();
    assert_ne!(refused.status(), 200);
}

#[tokio::test]
async fn two_merchants_do_not_see_each_other() {
    let stack = Stack::start();
    let ours = stack.customer_of("demo", 1, "id");
    let theirs = stack.customer_of("demo2", 1, "id");
    let booked = ours.book("09.00").await;
    let greeting = theirs.say("/start").await;
    assert!(greeting.text.contains("Sinar Ponsel"), "{}", greeting.text);
    theirs.say("/status").await;
    let foreign = theirs.say(&booked.code).await;
    theirs.say("/status").await;
    let unknown = theirs.say("10000000").await;
    assert_eq!(foreign.text, unknown.text);
    // The same slot of the same day, which is another seat.
    let other = theirs.book("09.00").await;
    assert_ne!(other.code, booked.code);
    ours.say("/status").await;
    let foreign = ours.say(&other.code).await;
    assert_eq!(foreign.text, unknown.text);
    assert_eq!(stack.rows_at("SLOT#").await.len(), 2);
    let secret = pesan_tests::TELEGRAM_SECRET;
    let refused = stack
        .request(Method::POST, "/telegram/demo2")
        .header(pesan_tests::TELEGRAM_SECRET_HEADER, secret)
        .json(&text_update(1, 1, "/start"))
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 401);
}
