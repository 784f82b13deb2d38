//! The pages a customer sees.

#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

use pesan_tests::{Setup, Stack};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

async fn open(stack: &Stack, path: &str) -> Response {
    let path = path.strip_prefix(stack.base_url()).unwrap_or(path);
    stack.request(Method::GET, path).send().await.unwrap()
}

#[tokio::test]
async fn b23_a_forged_query_does_not_make_the_page_say_paid() {
    let stack = Stack::start();
    let booked = stack.customer(1).book("09.00").await;
    let forged = format!(
        "{}?order_id={}&status_code=200&transaction_status=settlement",
        booked.link, booked.code
    );
    let page = stack.page(&forged).await;
    assert_eq!(
        (page.payment.as_str(), page.repair.as_str()),
        ("Created", "Held")
    );
    assert_eq!((page.order_id, page.total), (booked.code, 70_000));
}

#[tokio::test]
async fn pay_pages_alone_may_load_from_snaps_hosts() {
    let stack = Stack::start();
    let booked = stack.customer(1).book("09.00").await;
    let payable = open(&stack, &booked.link).await;
    let policy = header(&payable, "content-security-policy").to_owned();
    for part in [
        "default-src 'none'",
        "frame-ancestors 'self'",
        "https://app.midtrans.com",
    ] {
        assert!(policy.contains(part), "{part}: {policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    stack.bank(&booked.code, json!({"do": "pay"})).await;
    for path in [
        booked.link.as_str(),
        "/",
        "/m/demo",
        "/m/demo/catalog",
        "/o/nothing",
    ] {
        let response = open(&stack, path).await;
        let policy = header(&response, "content-security-policy");
        assert!(policy.contains("script-src 'self';"), "{path}: {policy}");
        assert!(!policy.contains("http"), "{path}: {policy}");
        assert_eq!(
            header(&response, "x-content-type-options"),
            "nosniff",
            "{path}"
        );
        assert_eq!(
            header(&response, "referrer-policy"),
            "no-referrer",
            "{path}"
        );
        assert_eq!(header(&response, "cache-control"), "no-store", "{path}");
        assert!(header(&response, "strict-transport-security").starts_with("max-age="));
    }
}

#[tokio::test]
async fn the_button_leads_to_midtrans_page_with_scripts_and_without() {
    let stack = Stack::start();
    let booked = stack.customer(1).book("09.00").await;
    let path = format!(
        "{}/pay",
        booked.link.strip_prefix(stack.base_url()).unwrap()
    );
    let pay = || stack.request(Method::POST, &path);
    let plain = pay().send().await.unwrap();
    assert_eq!(plain.status(), StatusCode::SEE_OTHER);
    let page = header(&plain, "location").to_owned();
    let scripted: Value = pay()
        .header("accept", "application/json")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        scripted["redirect_url"],
        page.as_str(),
        "one page, however often it is asked for"
    );
    assert_eq!(stack.count("midtrans", Some("transactions")).await, 1);

    stack.bank(&booked.code, json!({"do": "pay"})).await;
    let over = pay().send().await.unwrap();
    assert_eq!(over.status(), StatusCode::SEE_OTHER);
    assert_eq!(header(&over, "location"), path.trim_end_matches("/pay"));
    let over = pay()
        .header("accept", "application/json")
        .send()
        .await
        .unwrap();
    assert_eq!(over.status(), StatusCode::CONFLICT);
    let wrong = stack.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(wrong.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_page_that_midtrans_does_not_open_says_so_and_keeps_the_order() {
    let stack = Stack::start();
    stack
        .fault(
            json!({"at": "midtrans", "fault": "timeout_before", "op": "transactions", "times": 2}),
        )
        .await;
    let booked = stack.customer(1).book("09.00").await;
    let path = format!(
        "{}/pay",
        booked.link.strip_prefix(stack.base_url()).unwrap()
    );
    let refused = stack.request(Method::POST, &path).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    let html = refused.text().await.unwrap();
    assert!(html.contains("coba lagi sebentar lagi"), "{html}");
    assert!(html.contains("data-payment=\"Created\" data-repair=\"Held\""));
    let again = stack.request(Method::POST, &path).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn pages_speak_the_visitors_choice_and_orders_the_customers_language() {
    let stack = Stack::start();
    for (path, says) in [
        ("/m/demo", "Servis gadget dengan reservasi"),
        ("/m/demo?lang=en", "Gadget repair by appointment"),
        ("/m/demo/catalog?lang=fr", "Daftar harga"),
    ] {
        assert!(stack.get(path).await.1.contains(says), "{path}");
    }
    let english = stack.customer_of("demo", 5, "en-GB").book("09.00").await;
    let html = open(&stack, &english.link).await.text().await.unwrap();
    assert!(html.contains("Pay now") && html.contains("Saturday, 5 December 2026"));
    let html = open(&stack, &format!("{}?lang=id", english.link))
        .await
        .text()
        .await
        .unwrap();
    assert!(html.contains("Bayar Sekarang") && html.contains("Sabtu, 5 Desember 2026"));
}

#[tokio::test]
async fn a_catalog_row_opens_the_bot_with_its_part_chosen() {
    let stack = Stack::start();
    let (_, html) = stack.get("/m/demo/catalog").await;
    let link = format!(
        "{}/sandbox/t.me/demo_bot?start=i_iphone-6-battery",
        stack.base_url()
    );
    assert!(html.contains(&link), "{html}");
    let followed = open(&stack, &link).await;
    assert_eq!(followed.status(), StatusCode::SEE_OTHER);
    assert_eq!(
        header(&followed, "location"),
        "/sandbox?bot=demo_bot&start=i_iphone-6-battery"
    );
}

#[tokio::test]
async fn what_is_not_there_says_what_to_do() {
    let stack = Stack::start();
    for path in [
        "/o/aaaaaaaaaaaaaaaaaaaaaaaaaa",
        "/m/nobody",
        "/m/../etc",
        "/nowhere",
        "/o/%3Cscript%3E",
    ] {
        let (status, html) = stack.get(path).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        assert!(html.contains("buka tautan dari chat Anda"), "{path}");
        assert!(!html.contains("<script>"), "{path}");
    }
}

#[tokio::test]
async fn names_are_escaped_and_never_shown_as_markup() {
    let stack = Stack::start();
    let path = "/sandbox/telegram/demo/chats/9";
    let name = "<b>A & B</b></a>";
    let body = json!({"text": "/start", "first_name": name, "language_code": "id"});
    stack.handle(&format!("{path}/text"), &body).await;
    assert!(
        stack
            .customer(9)
            .newest()
            .await
            .text
            .starts_with(&format!("Halo {name}!"))
    );
}

#[tokio::test]
async fn where_the_public_address_is_no_loopback_the_link_stands_on_a_button_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("template.yaml");
    let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml");
    let text = std::fs::read_to_string(ours).unwrap();
    let public = text.replace(
        "PUBLIC_BASE_URL: !Ref PublicBaseUrl",
        "PUBLIC_BASE_URL: https://pesan.example.com",
    );
    assert_ne!(text, public);
    std::fs::write(&path, public).unwrap();
    let stack = Stack::start_with(&Setup {
        template: Some(path),
        ..Setup::default()
    });
    let customer = stack.customer(1);
    let booked = customer.book("09.00").await;
    assert!(booked.link.starts_with("https://pesan.example.com/o/"));
    let buttons = customer.newest().await.buttons;
    assert_eq!(
        buttons,
        ["Bayar Sekarang", "Lihat pesanan", "Bagikan nomor"]
    );
    let pressed = stack
        .handle(
            "/sandbox/telegram/demo/chats/1/press",
            &json!({"button": "Lihat pesanan"}),
        )
        .await;
    assert_eq!(pressed, json!({"url": booked.link}));
}
