use std::fmt::Write as _;

use jiff::civil::date;

use super::*;
use crate::language::Language;
use crate::message::Category;

const LANGUAGES: [Language; 2] = [Language::Indonesian, Language::English];

macro_rules! registered {
    ($($name:literal),+) => {
        [$(
            (
                $name,
                include_str!(concat!("../../../../../infra/whatsapp-templates/", $name, ".id.json")),
                include_str!(concat!("../../../../../infra/whatsapp-templates/", $name, ".en.json")),
            )
        ),+]
    };
}

/// What is registered with Meta: name, Indonesian and English file.
const REGISTERED: [(&str, &str, &str); 7] = registered!(
    "monthly_bill",
    "payment_reminder",
    "payment_receipt",
    "one_time_code",
    "approval_request",
    "repair_status",
    "low_balance"
);

fn link(path: &str) -> LinkPath {
    LinkPath::parse(path).unwrap()
}

pub(crate) fn samples(name: &str) -> Vec<Template> {
    let (who, shop) = (name.to_owned(), "Jaya Gadget".to_owned());
    let at: Timestamp = "2026-12-05T15:00:00+07:00".parse().unwrap();
    let code = BookingCode::parse("62473383").unwrap();
    let bill = |name: String, shop: String| (name, shop, date(2026, 11, 1), Rupiah::new(150_000));
    let (name, shop_name, period, amount) = bill(who.clone(), shop.clone());
    let due = date(2026, 12, 10);
    vec![
        Template::Bill {
            name: name.clone(),
            shop: shop_name.clone(),
            period,
            amount,
            due,
            link: link("b/k7q2"),
        },
        Template::Reminder {
            name,
            shop: shop_name,
            period,
            amount,
            due,
            link: link("b/k7q2"),
        },
        Template::Receipt {
            name: who.clone(),
            shop: shop.clone(),
            amount: Rupiah::new(70_000),
            paid: Paid::Booking(code.clone()),
            at,
            zone: Zone::Jakarta,
            link: link("o/k7q2"),
        },
        Template::Otp {
            code: OtpCode::parse("048213").unwrap(),
        },
        Template::Approval {
            name: who.clone(),
            requester: "Andi".to_owned(),
            subject: "pemakaian deposit Rp500.000".to_owned(),
            shop: shop.clone(),
            until: at,
            zone: Zone::Jakarta,
            link: link("a/k7q2"),
            approve: "approve:1".to_owned(),
            reject: "reject:1".to_owned(),
        },
        Template::RepairStatus {
            name: who,
            device: "iPhone 12".to_owned(),
            code,
            shop: shop.clone(),
            status: ReservationState::Ready,
            link: link("o/k7q2"),
        },
        Template::LowBalance {
            shop,
            available: Rupiah::new(18_350),
            messages: 50,
            link: link("admin/balance"),
        },
    ]
}

fn registered(kind: Kind, language: Language) -> &'static str {
    let (_, indonesian, english) = REGISTERED
        .into_iter()
        .find(|(name, ..)| *name == kind.name())
        .unwrap();
    language.pick(indonesian, english)
}

#[test]
fn what_is_registered_with_meta_is_what_is_sent() {
    assert_eq!(REGISTERED.len(), Kind::ALL.len());
    for template in samples("Budi") {
        let kind = template.kind();
        for language in LANGUAGES {
            let json = registered(kind, language);
            let call = template.call(language);
            let says =
                |text: String| assert!(json.contains(&text), "{kind:?} {language:?}: {text}");
            says(format!("\"name\": \"{}\"", call.name));
            says(format!("\"language\": \"{}\"", call.language));
            says(format!("\"category\": \"{}\"", call.category.name()));
            for label in render::labels(kind, language) {
                says(format!("\"text\": \"{label}\""));
            }
            if kind == Kind::Otp {
                // Meta's own words: the code goes into the body and onto the button.
                assert_eq!(call.body, ["048213"]);
                assert!(call.buttons == [Action::Copy("048213".to_owned())]);
                continue;
            }
            says(format!("\"text\": \"{}\"", kind.wording(language)));
        }
    }
}

#[test]
fn every_blank_is_filled_once_and_in_order() {
    for template in samples("Budi") {
        for language in LANGUAGES {
            let wording = template.kind().wording(language);
            let blanks: Vec<&str> = wording
                .split("{{")
                .skip(1)
                .map(|part| part.split_once("}}").unwrap().0)
                .collect();
            let body = template.call(language).body;
            let expected: Vec<String> = (1..=body.len()).map(|place| place.to_string()).collect();
            assert_eq!(blanks, expected, "{template:?}");
            assert!(!wording.starts_with("{{") && !wording.ends_with("}}"));
            assert!(
                !wording.contains(['<', '>', '&', '"', '\\', '\n']),
                "{wording}"
            );
            assert!(body.iter().all(|argument| !argument.is_empty()));
        }
    }
}

#[test]
fn what_customers_read() {
    let mut read = String::new();
    for template in samples("Budi") {
        let html = template.html(Language::Indonesian, "https://pesan.id");
        writeln!(read, "{}", html.text.replace("\n\n", " ¶ ")).unwrap();
    }
    let expected = "\
Halo Budi, tagihan November 2026 dari Jaya Gadget sebesar <b>Rp150.000</b> sudah terbit. Mohon dibayar paling lambat <b>Kamis, 10 Desember 2026</b>. Terima kasih. ¶ https://pesan.id/b/k7q2
Halo Budi, kami belum menerima pembayaran tagihan November 2026 dari Jaya Gadget sebesar <b>Rp150.000</b>, jatuh tempo <b>Kamis, 10 Desember 2026</b>. Abaikan pesan ini jika Anda sudah membayar. ¶ https://pesan.id/b/k7q2
Halo Budi, pembayaran Anda kepada Jaya Gadget sebesar <b>Rp70.000</b> untuk pesanan 62473383 sudah diterima pada Sabtu, 5 Desember 2026 pukul 15.00 WIB. Terima kasih. ¶ https://pesan.id/o/k7q2
Kode verifikasi Anda <code>048213</code>. Demi keamanan, jangan bagikan kode ini kepada siapa pun.
Halo Budi, permintaan dari Andi menunggu persetujuan Anda: <b>pemakaian deposit Rp500.000</b> di Jaya Gadget. Mohon diputuskan sebelum <b>Sabtu, 5 Desember 2026 pukul 15.00 WIB</b>. Terima kasih. ¶ https://pesan.id/a/k7q2
Halo Budi, status perbaikan iPhone 12 Anda (kode 62473383) di Jaya Gadget sekarang: <b>Siap diambil</b>. Rincian selengkapnya ada di tombol di bawah. ¶ https://pesan.id/o/k7q2
Halo Jaya Gadget, saldo pesan Anda tinggal <b>Rp18.350</b>, cukup untuk sekitar 50 pesan lagi. Isi saldo agar pengiriman tidak terhenti. ¶ https://pesan.id/admin/balance
";
    assert_eq!(read, expected);
}

#[test]
fn e17_arguments_are_only_text_to_telegram() {
    for name in ["<b>", "A & B", "</a><a href=\"tg://x\">", "{{3}}"] {
        for template in samples(name) {
            let text = template.html(Language::English, "https://pesan.id").text;
            let bare = text.replace("<b>", "").replace("</b>", "");
            let bare = bare.replace("<code>", "").replace("</code>", "");
            assert!(!bare.contains(['<', '>']), "{text}");
            assert!(
                !bare
                    .replace("&amp;", "")
                    .replace("&lt;", "")
                    .replace("&gt;", "")
                    .contains('&')
            );
        }
    }
    let bill = samples("{{3}}").remove(0);
    let text = bill.html(Language::English, "https://pesan.id").text;
    assert!(
        text.starts_with("Hello {{3}}, your November 2026 bill from Jaya"),
        "{text}"
    );
}

#[test]
fn e19_long_arguments_are_cut_where_a_sign_ends() {
    for (text, most, line) in [
        ("Budi", 4, "Budi"),
        ("Budiman", 4, "Bud…"),
        ("Budi man", 6, "Budi…"),
        ("a e\u{301}e\u{301}", 4, "a…"),
        ("abc👨\u{200d}👩\u{200d}👧xyz", 6, "abc…"),
        ("ab🇮🇩cd", 4, "ab…"),
        ("  a \t\n b\r\nc ", 10, "a b c"),
        ("a\u{202e}b\u{0}c", 10, "ab c"),
        ("   ", 10, "–"),
        ("", 10, "–"),
    ] {
        assert_eq!(argument::line(text, most), line, "{text:?}");
    }
    let long = "Ñ".repeat(5_000);
    for template in samples(&long) {
        for language in LANGUAGES {
            let call = template.call(language);
            let wording = template.kind().wording(language).chars().count();
            let body: usize = call
                .body
                .iter()
                .map(|argument| argument.chars().count())
                .sum();
            assert!(wording + body <= 1024, "{template:?}");
            assert!(
                template
                    .html(language, "https://pesan.id")
                    .text
                    .chars()
                    .count()
                    <= 4096
            );
        }
    }
}

#[test]
fn an_approval_is_decided_on_the_message_or_on_its_page() {
    let approval = samples("Budi").remove(4);
    let call = approval.call(Language::Indonesian);
    assert_eq!(call.category, Category::Utility);
    let expected = [
        Action::Reply("approve:1".to_owned()),
        Action::Reply("reject:1".to_owned()),
        Action::Open("a/k7q2".to_owned()),
    ];
    assert!(call.buttons == expected);
    for (language, labels) in [
        (Language::Indonesian, ["Setujui", "Tolak", "Lihat Rincian"]),
        (Language::English, ["Approve", "Reject", "View details"]),
    ] {
        let html = approval.html(language, "https://pesan.id");
        let found: Vec<&str> = html.buttons.iter().map(|button| button.label).collect();
        assert_eq!(found, labels);
        assert!(html.buttons[2].action == Action::Open("https://pesan.id/a/k7q2".to_owned()));
    }
}

#[test]
fn f13_nothing_personal_is_in_a_debug_text() {
    for template in samples("Budi") {
        let shown = format!("{template:?}");
        assert_eq!(shown, format!("Template({})", template.kind().name()));
    }
    assert_eq!(
        format!("{:?}", OtpCode::parse("048213").unwrap()),
        "OtpCode(…)"
    );
    assert_eq!(format!("{:?}", link("b/k7q2")), "LinkPath(…)");
    for bad in ["", "123", "123456789", "12345a", "１２３４"] {
        assert!(OtpCode::parse(bad).is_err(), "{bad}");
    }
    for bad in ["", "/b", "b/", "b//c", "b/../c", "b?x=1", "B", "b c"] {
        assert!(LinkPath::parse(bad).is_err(), "{bad}");
    }
}
