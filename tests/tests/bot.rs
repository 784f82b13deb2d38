//! Conversations with the booking bot, as customers read them.

use pesan_tests::{Stack, text_update};
use serde_json::{Value, json};

#[tokio::test]
async fn a_customer_books_in_indonesian() {
    let stack = Stack::start();
    let budi = stack.customer(1);
    insta::assert_snapshot!(budi.say("/start").await.seen(), @r"
    Halo Budi! Selamat datang di Jaya Gadget Servis.

    Ketik /order untuk reservasi servis, /catalog untuk daftar harga, /status untuk melihat pesanan Anda, atau /help untuk bantuan.
    [Booking]
    ");
    insta::assert_snapshot!(budi.say("/order").await.seen(), @r"
    Selamat datang di layanan reservasi Jaya Gadget Servis. Anda akan memilih tanggal, perangkat, jam, dan komponen; pembayaran dilakukan setelahnya.

    Tekan Booking untuk mulai atau Cancel untuk batal.
    [Booking]
    [Cancel]
    ");
    insta::assert_snapshot!(budi.press("Booking").await.seen(), @r"
    Kapan Anda mau datang? Pilih tanggal di bawah, atau ketik sebagai hari/bulan/tahun, misalnya 05/12/2026.
    [Selasa, 1 Desember 2026]
    [Rabu, 2 Desember 2026]
    [Kamis, 3 Desember 2026]
    [Jumat, 4 Desember 2026]
    [Sabtu, 5 Desember 2026]
    [Minggu, 6 Desember 2026]
    [Senin, 7 Desember 2026]
    [Cancel]
    ");
    insta::assert_snapshot!(budi.say("05/12/2026").await.seen(), @r"
    Tanggal: Sabtu, 5 Desember 2026.

    Perangkat apa yang diservis?
    [iPhone 6]
    [iPhone 6s]
    [iPhone 7]
    [iPhone 7 Plus]
    [iPhone 8]
    [iPhone 8 Plus]
    [iPhone 11]
    [iPhone 12]
    [Berikutnya ›]
    [Ganti tanggal]
    [Cancel]
    ");
    insta::assert_snapshot!(budi.press("iPhone 6").await.seen(), @r"
    Tanggal: Sabtu, 5 Desember 2026.

    Pilih jam yang masih kosong:
    [09.00–11.00 WIB]
    [12.00–14.00 WIB]
    [15.00–17.00 WIB]
    [18.00–20.00 WIB]
    [Ganti tanggal]
    [Cancel]
    ");
    insta::assert_snapshot!(budi.press("09.00–11.00 WIB").await.seen(), @r"
    iPhone 6
    Komponen apa yang diganti? Harga sudah termasuk pemasangan.
    [Back Camera · Rp180.000]
    [Battery · Rp70.000]
    [Finger · Rp120.000]
    [LCD · Rp250.000]
    [Screen Guard · Rp35.000]
    [Ganti tanggal]
    [Cancel]
    ");
    let summary = budi.press("Battery").await;
    insta::assert_snapshot!(summary.seen(), @r"
    Ringkasan pesanan
    ID order: [code]
    Total: Rp70.000
    Tanggal: Sabtu, 5 Desember 2026
    Jam: 09.00–11.00 WIB
    Perangkat: iPhone 6
    Komponen: Battery

    Sudah benar? Tekan Book Now untuk memesan.
    [Book Now]
    [Cancel]
    [Ganti tanggal]
    ");
    let booked = budi.press("Book Now").await;
    insta::assert_snapshot!(booked.seen(), @r"
    Reservasi dibuat.
    Kode booking: [code]

    ID order: [code]
    Total: Rp70.000
    Status pembayaran: Belum dibayar
    Status perbaikan: Menunggu pembayaran
    Tanggal: Sabtu, 5 Desember 2026
    Jam: 09.00–11.00 WIB
    Perangkat: iPhone 6
    Komponen: Battery

    Bayar sebelum 09.00 WIB, Selasa, 1 Desember 2026; sampai saat itu jam Anda kami tahan.

    Halaman pesanan Anda:
    [page]

    Ingin bukti pembayaran juga lewat WhatsApp? Tekan Bagikan nomor.
    [Bayar Sekarang]
    [Bagikan nomor]
    ");
    assert_eq!(booked.code(), summary.code());
    insta::assert_snapshot!(budi.press("Bayar Sekarang").await.seen(), @r"
    ID order: [code]
    Total: Rp70.000
    Status pembayaran: Belum dibayar
    Status perbaikan: Menunggu pembayaran
    Tanggal: Sabtu, 5 Desember 2026
    Jam: 09.00–11.00 WIB
    Perangkat: iPhone 6
    Komponen: Battery

    Bayar sebelum 09.00 WIB, Selasa, 1 Desember 2026; sampai saat itu jam Anda kami tahan.

    Halaman pesanan Anda:
    [page]
    [Bayar Sekarang]
    ");
    insta::assert_snapshot!(budi.say("/status").await.seen(), @r"
    Ketik kode booking Anda (8 angka).
    [Cancel]
    ");
    let status = budi.say(&booked.code().unwrap()).await;
    insta::assert_snapshot!(status.seen(), @r"
    ID order: [code]
    Total: Rp70.000
    Status pembayaran: Belum dibayar
    Status perbaikan: Menunggu pembayaran
    Tanggal: Sabtu, 5 Desember 2026
    Jam: 09.00–11.00 WIB
    Perangkat: iPhone 6
    Komponen: Battery

    Bayar sebelum 09.00 WIB, Selasa, 1 Desember 2026; sampai saat itu jam Anda kami tahan.

    Halaman pesanan Anda:
    [page]
    [Bayar Sekarang]
    ");
    assert_eq!(status.link(), booked.link());
    let page = stack.page(&booked.link().unwrap()).await;
    assert_eq!(
        (Some(page.order_id), page.total, page.payment, page.repair),
        (
            booked.code(),
            70_000,
            "Created".to_owned(),
            "Held".to_owned()
        )
    );
}

#[tokio::test]
async fn a_customer_books_in_english() {
    let stack = Stack::start();
    let ann = stack.customer_of("demo", 2, "en");
    insta::assert_snapshot!(ann.say("/start").await.seen(), @r"
    Hello Budi! Welcome to Jaya Gadget Servis.

    Type /order to book a repair, /catalog for the price list, /status to see your booking, or /help for help.
    [Booking]
    ");
    insta::assert_snapshot!(ann.say("/order").await.seen(), @r"
    Welcome to the booking desk of Jaya Gadget Servis. You will choose a date, a device, a time and a part, and pay afterwards.

    Press Booking to begin or Cancel to stop.
    [Booking]
    [Cancel]
    ");
    insta::assert_snapshot!(ann.press("Booking").await.seen(), @r"
    When would you like to come? Choose a date below, or type it as day/month/year, such as 05/12/2026.
    [Tuesday, 1 December 2026]
    [Wednesday, 2 December 2026]
    [Thursday, 3 December 2026]
    [Friday, 4 December 2026]
    [Saturday, 5 December 2026]
    [Sunday, 6 December 2026]
    [Monday, 7 December 2026]
    [Cancel]
    ");
    insta::assert_snapshot!(ann.press("Saturday, 5 December 2026").await.seen(), @r"
    Date: Saturday, 5 December 2026.

    Which device is it?
    [iPhone 6]
    [iPhone 6s]
    [iPhone 7]
    [iPhone 7 Plus]
    [iPhone 8]
    [iPhone 8 Plus]
    [iPhone 11]
    [iPhone 12]
    [Next ›]
    [Change date]
    [Cancel]
    ");
    insta::assert_snapshot!(ann.press("iPhone 6s").await.seen(), @r"
    Date: Saturday, 5 December 2026.

    Choose one of the free times:
    [09.00–11.00 WIB]
    [12.00–14.00 WIB]
    [15.00–17.00 WIB]
    [18.00–20.00 WIB]
    [Change date]
    [Cancel]
    ");
    insta::assert_snapshot!(ann.press("18.00–20.00 WIB").await.seen(), @r"
    iPhone 6s
    Which part is to be replaced? The price includes the work.
    [Back Camera · Rp180.000]
    [Battery · Rp70.000]
    [Finger · Rp120.000]
    [LCD · Rp275.000]
    [Screen Guard · Rp35.000]
    [Change date]
    [Cancel]
    ");
    let summary = ann.press("LCD").await;
    insta::assert_snapshot!(summary.seen(), @r"
    Your booking
    Order ID: [code]
    Total: Rp275.000
    Date: Saturday, 5 December 2026
    Time: 18.00–20.00 WIB
    Device: iPhone 6s
    Part: LCD

    All right? Press Book Now to book.
    [Book Now]
    [Cancel]
    [Change date]
    ");
    let booked = ann.press("Book Now").await;
    insta::assert_snapshot!(booked.seen(), @r"
    Your booking is made.
    Booking code: [code]

    Order ID: [code]
    Total: Rp275.000
    Payment: Not paid yet
    Repair: Waiting for the payment
    Date: Saturday, 5 December 2026
    Time: 18.00–20.00 WIB
    Device: iPhone 6s
    Part: LCD

    Pay before 09.00 WIB, Tuesday, 1 December 2026; until then we keep your time for you.

    Your order page:
    [page]

    Would you like the receipt by WhatsApp as well? Press Share my number.
    [Pay now]
    [Share my number]
    ");
    assert_eq!(booked.code(), summary.code());
    insta::assert_snapshot!(ann.press("Pay now").await.seen(), @r"
    Order ID: [code]
    Total: Rp275.000
    Payment: Not paid yet
    Repair: Waiting for the payment
    Date: Saturday, 5 December 2026
    Time: 18.00–20.00 WIB
    Device: iPhone 6s
    Part: LCD

    Pay before 09.00 WIB, Tuesday, 1 December 2026; until then we keep your time for you.

    Your order page:
    [page]
    [Pay now]
    ");
    insta::assert_snapshot!(ann.say("/status").await.seen(), @r"
    Type your booking code (8 digits).
    [Cancel]
    ");
    let status = ann.say(&booked.code().unwrap()).await;
    insta::assert_snapshot!(status.seen(), @r"
    Order ID: [code]
    Total: Rp275.000
    Payment: Not paid yet
    Repair: Waiting for the payment
    Date: Saturday, 5 December 2026
    Time: 18.00–20.00 WIB
    Device: iPhone 6s
    Part: LCD

    Pay before 09.00 WIB, Tuesday, 1 December 2026; until then we keep your time for you.

    Your order page:
    [page]
    [Pay now]
    ");
    assert_eq!(status.link(), booked.link());
}

#[tokio::test]
async fn a_client_of_another_language_or_of_none_reads_indonesian() {
    let stack = Stack::start();
    for (chat, language, greeting) in [
        (1, "fr", "Halo Budi!"),
        (2, "id", "Halo Budi!"),
        (3, "", "Halo Budi!"),
        (4, "en", "Hello Budi!"),
        (5, "en-GB", "Hello Budi!"),
    ] {
        let customer = stack.customer_of("demo", chat, language);
        let greeted = customer.say("/start").await;
        assert!(
            greeted.text.starts_with(greeting),
            "{language}: {}",
            greeted.text
        );
    }
    let mut unsaid = text_update(1, 6, "/start");
    unsaid["message"]["from"] = json!({"id": 6, "is_bot": false, "first_name": "Budi"});
    let response = stack
        .update(Some(pesan_tests::TELEGRAM_SECRET), &unsaid)
        .await;
    let answer: Value = response.json().await.unwrap();
    let text = answer["text"].as_str().unwrap();
    assert!(text.starts_with("Halo Budi!"), "{text}");
}

#[tokio::test]
async fn what_is_not_understood_gets_the_help() {
    let stack = Stack::start();
    let budi = stack.customer(1);
    let help = budi.say("/help").await;
    insta::assert_snapshot!(help.seen(), @r"
    Perintah yang saya mengerti:
    /help – daftar perintah ini
    /order – reservasi servis
    /catalog – komponen dan harganya
    /status – status pesanan Anda
    /hapusnomor – hapus nomor WhatsApp Anda dari catatan kami
    ");
    let ann = stack.customer_of("demo", 2, "en");
    insta::assert_snapshot!(ann.say("/help").await.seen(), @r"
    The commands I understand:
    /help – this list
    /order – book a repair
    /catalog – spare parts and prices
    /status – how your booking stands
    /forgetnumber – take your WhatsApp number back
    ");
    for text in ["halo, bisa servis HP?", "/refund", "/", "12345678", "🙂"] {
        assert_eq!(budi.say(text).await.text, help.text, "{text}");
    }
    let greeted = budi.say("/START").await;
    assert_eq!(budi.say("/start@demo_bot").await.text, greeted.text);
}

#[tokio::test]
async fn the_catalog_turns_its_pages_in_place() {
    let stack = Stack::start();
    let budi = stack.customer(1);
    let first = budi.say("/catalog").await;
    insta::assert_snapshot!(first.seen(), @r"
    Daftar harga

    iPhone 6
    Back Camera – Rp180.000
    Battery – Rp70.000
    Finger – Rp120.000
    LCD – Rp250.000
    Screen Guard – Rp35.000

    iPhone 6s
    Back Camera – Rp180.000
    Battery – Rp70.000
    Finger – Rp120.000
    LCD – Rp275.000
    Screen Guard – Rp35.000

    iPhone 7
    Back Camera – Rp180.000
    Battery – Rp70.000
    Finger – Rp120.000
    LCD – Rp300.000
    Screen Guard – Rp35.000
    [Berikutnya ›]
    [Booking]
    ");
    let second = budi.press("Berikutnya").await;
    insta::assert_snapshot!(second.seen(), @r"
    Daftar harga

    iPhone 7 Plus
    Back Camera – Rp180.000
    Battery – Rp70.000
    Finger – Rp120.000
    LCD – Rp350.000
    Screen Guard – Rp35.000

    iPhone 8
    Back Camera – Rp180.000
    Battery – Rp70.000
    Finger – Rp120.000
    LCD – Rp350.000
    Screen Guard – Rp35.000

    iPhone 8 Plus
    Back Camera – Rp180.000
    Battery – Rp70.000
    Finger – Rp120.000
    LCD – Rp400.000
    Screen Guard – Rp35.000
    [‹ Sebelumnya]
    [Berikutnya ›]
    [Booking]
    ");
    assert_eq!((second.id, second.edited), (first.id, true));
    let mut last = second;
    while last.buttons.iter().any(|label| label == "Berikutnya ›") {
        last = budi.press("Berikutnya").await;
    }
    assert!(last.text.contains("iPhone XS"), "{}", last.text);
    let mut back = last;
    while back.buttons.iter().any(|label| label == "‹ Sebelumnya") {
        back = budi.press("‹ Sebelumnya").await;
    }
    assert_eq!((back.id, back.text), (first.id, first.text));
    assert_eq!(budi.messages().await.len(), 2);
    let asked = budi.press("Booking").await;
    assert!(asked.text.starts_with("Kapan Anda mau datang?"));
}

#[tokio::test]
async fn the_list_of_devices_turns_its_pages_in_place() {
    let stack = Stack::start();
    let budi = stack.customer(1);
    budi.say("/order").await;
    budi.press("Booking").await;
    let first = budi.say("05/12/2026").await;
    let second = budi.press("Berikutnya").await;
    assert_eq!((second.id, second.edited), (first.id, true));
    insta::assert_snapshot!(second.seen(), @r"
    Tanggal: Sabtu, 5 Desember 2026.

    Perangkat apa yang diservis?
    [iPhone 13]
    [iPhone X]
    [iPhone XR]
    [iPhone XS]
    [‹ Sebelumnya]
    [Ganti tanggal]
    [Cancel]
    ");
    let slots = budi.press("iPhone 13").await;
    assert!(slots.id > second.id);
}

#[tokio::test]
async fn a_deep_link_asks_only_what_is_missing() {
    let stack = Stack::start();
    let budi = stack.customer(1);
    insta::assert_snapshot!(budi.say("/start i_iphone-6-battery").await.seen(), @r"
    Pilihan Anda: Battery iPhone 6 · Rp70.000.

    Selamat datang di layanan reservasi Jaya Gadget Servis. Anda akan memilih tanggal, perangkat, jam, dan komponen; pembayaran dilakukan setelahnya.

    Tekan Booking untuk mulai atau Cancel untuk batal.
    [Booking]
    [Cancel]
    ");
    let asked = budi.press("Booking").await;
    assert!(asked.text.starts_with("Kapan Anda mau datang?"));
    insta::assert_snapshot!(budi.say("5-12-2026").await.seen(), @r"
    Tanggal: Sabtu, 5 Desember 2026.

    Pilih jam yang masih kosong:
    [09.00–11.00 WIB]
    [12.00–14.00 WIB]
    [15.00–17.00 WIB]
    [18.00–20.00 WIB]
    [Ganti tanggal]
    [Cancel]
    ");
    let summary = budi.press("12.00").await;
    insta::assert_snapshot!(summary.seen(), @r"
    Ringkasan pesanan
    ID order: [code]
    Total: Rp70.000
    Tanggal: Sabtu, 5 Desember 2026
    Jam: 12.00–14.00 WIB
    Perangkat: iPhone 6
    Komponen: Battery

    Sudah benar? Tekan Book Now untuk memesan.
    [Book Now]
    [Cancel]
    [Ganti tanggal]
    ");
    let booked = budi.press("Book Now").await;
    assert_eq!(booked.code(), summary.code());
}

#[tokio::test]
async fn a_deep_link_to_nothing_on_offer_begins_an_empty_booking() {
    let stack = Stack::start();
    let budi = stack.customer(1);
    insta::assert_snapshot!(budi.say("/start i_nokia-3310-battery").await.seen(), @r"
    Pilihan itu tidak ada di daftar kami. Silakan pilih lagi.

    Selamat datang di layanan reservasi Jaya Gadget Servis. Anda akan memilih tanggal, perangkat, jam, dan komponen; pembayaran dilakukan setelahnya.

    Tekan Booking untuk mulai atau Cancel untuk batal.
    [Booking]
    [Cancel]
    ");
    budi.press("Booking").await;
    let devices = budi.say("05/12/2026").await;
    assert!(
        devices.text.contains("Perangkat apa"),
        "it asks the device too: {}",
        devices.text
    );
    let greeting = budi.say("/start").await;
    for none in [
        "/start i_",
        "/start i_../../x",
        "/start p_1",
        "/start i_UPPER",
    ] {
        assert_eq!(budi.say(none).await.text, greeting.text, "{none}");
    }
}
