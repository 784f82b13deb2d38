//! What a newcomer does on the playground, in a real browser: book in the chat, pay on the order
//! page, and see it paid. Pictures of it are left in the target directory.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::{Client, ClientBuilder, Locator};
use pesan_tests::bill::Debtor;
use pesan_tests::{Setup, Stack};
use serde_json::json;

/// Long enough for a browser on a busy machine; every wait ends as soon as it can.
const PATIENCE: Duration = Duration::from_secs(30);

struct Driver {
    process: Child,
    url: String,
    _profile: tempfile::TempDir,
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Driver {
    fn start() -> Self {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .spawn()
            .expect("chromedriver is needed: tests/run installs it");
        let output = BufReader::new(process.stdout.take().unwrap());
        let port = output
            .lines()
            .map_while(Result::ok)
            .find_map(|line| {
                let (_, port) = line.split_once("started successfully on port ")?;
                Some(port.trim_end_matches('.').to_owned())
            })
            .unwrap();
        Self {
            process,
            url: format!("http://127.0.0.1:{port}"),
            _profile: tempfile::tempdir().unwrap(),
        }
    }

    async fn browser(&self, width: u32, height: u32) -> Client {
        let profile = self._profile.path().join(format!("{width}"));
        let options = json!({"args": [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            format!("--user-data-dir={}", profile.display()),
            format!("--window-size={width},{height}"),
        ]});
        let capabilities = json!({"goog:chromeOptions": options});
        ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(capabilities.as_object().unwrap().clone())
            .connect(&self.url)
            .await
            .unwrap()
    }
}

async fn wait(browser: &Client, locator: Locator<'_>) -> fantoccini::elements::Element {
    browser
        .wait()
        .at_most(PATIENCE)
        .for_element(locator)
        .await
        .unwrap()
}

/// Presses the newest enabled button of the chat that begins so.
async fn press(browser: &Client, label: &str) {
    let newest = format!(
        "(//ol[@id='messages']//button[starts-with(normalize-space(), '{label}') and not(@disabled)])[last()]"
    );
    wait(browser, Locator::XPath(&newest))
        .await
        .click()
        .await
        .unwrap();
}

async fn picture(browser: &Client, name: &str) {
    let folder = env!("CARGO_TARGET_TMPDIR");
    let png = browser.screenshot().await.unwrap();
    std::fs::write(format!("{folder}/{name}.png"), png).unwrap();
}

async fn book(browser: &Client, stack: &Stack) {
    browser
        .goto(&format!("{}/sandbox", stack.base_url()))
        .await
        .unwrap();
    let order = "//div[@id='quick']/button[normalize-space()='/order']";
    wait(browser, Locator::XPath(order))
        .await
        .click()
        .await
        .unwrap();
    for label in [
        "Booking",
        "Sabtu, 5 Desember 2026",
        "iPhone 6",
        "09.00",
        "Battery",
        "Book Now",
    ] {
        press(browser, label).await;
    }
    wait(
        browser,
        Locator::XPath("//ol[@id='messages']//button[.='Bayar Sekarang']"),
    )
    .await;
}

#[tokio::test]
async fn a_customer_shares_their_number_on_the_playgrounds_page() {
    let stack = Stack::start();
    let driver = Driver::start();
    let browser = driver.browser(1440, 1180).await;
    book(&browser, &stack).await;
    press(&browser, "Bagikan nomor").await;
    press(&browser, "☎ Bagikan nomor").await;
    let thanks = "//ol[@id='messages']/li[@class='bot'][contains(., 'nomor Anda kami simpan')]";
    wait(&browser, Locator::XPath(thanks)).await;
    let chats = stack.rows_at("CHAT").await;
    let digits = chats[0]["phone"]["M"]["digits"]["S"].as_str().unwrap();
    stack.keep_private(digits);
    let card = format!("//ol[@id='messages']/li[@class='customer'][contains(., '{digits}')]");
    wait(&browser, Locator::XPath(&card)).await;
    browser.close().await.unwrap();
}

#[tokio::test]
async fn a_customer_books_pays_in_place_and_sees_it_paid() {
    let stack = Stack::start();
    let driver = Driver::start();
    let browser = driver.browser(1440, 1180).await;
    book(&browser, &stack).await;

    // The order page stands in the right pane by itself.
    let pane = wait(&browser, Locator::Css("iframe#frame[src*='/o/']")).await;
    picture(&browser, "booked").await;
    pane.enter_frame().await.unwrap();
    wait(
        &browser,
        Locator::Css("main[data-payment='Created'][data-repair='Held']"),
    )
    .await;
    wait(&browser, Locator::Css("form.pay button"))
        .await
        .click()
        .await
        .unwrap();
    let snap = wait(&browser, Locator::Css("div[role='dialog'] iframe")).await;
    snap.enter_frame().await.unwrap();
    let method = wait(
        &browser,
        Locator::Css("button[name='method'][value='bca_va']"),
    )
    .await;
    method.click().await.unwrap();
    let pay = wait(&browser, Locator::Css("button[name='act'][value='pay']")).await;
    browser.enter_parent_frame().await.unwrap();
    browser.enter_parent_frame().await.unwrap();
    picture(&browser, "paying").await;
    wait(&browser, Locator::Css("iframe#frame"))
        .await
        .enter_frame()
        .await
        .unwrap();
    let snap = wait(&browser, Locator::Css("div[role='dialog'] iframe")).await;
    snap.enter_frame().await.unwrap();
    pay.click().await.unwrap();
    browser.enter_parent_frame().await.unwrap();
    wait(
        &browser,
        Locator::Css("main[data-payment='Paid'][data-repair='Confirmed']"),
    )
    .await;
    browser.enter_parent_frame().await.unwrap();
    let receipt = "//ol[@id='messages']/li[last()][contains(., 'Pembayaran diterima')]";
    wait(&browser, Locator::XPath(receipt)).await;
    picture(&browser, "paid").await;
    browser.close().await.unwrap();
}

#[tokio::test]
async fn where_snap_js_does_not_load_the_button_leads_to_midtrans_page_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("template.yaml");
    let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml");
    let text = std::fs::read_to_string(ours).unwrap();
    let nowhere = text.replace(
        "PUBLIC_BASE_URL: !Ref PublicBaseUrl",
        "PUBLIC_BASE_URL: !Ref PublicBaseUrl\n        MIDTRANS_SNAP_JS_URL: http://127.0.0.1:9/snap.js",
    );
    assert_ne!(text, nowhere);
    std::fs::write(&path, nowhere).unwrap();
    let stack = Stack::start_with(&Setup {
        template: Some(path),
        ..Setup::default()
    });
    let booked = stack.customer(7).book("12.00").await;
    let driver = Driver::start();
    let browser = driver.browser(1000, 900).await;
    browser.goto(&booked.link).await.unwrap();
    let button = wait(&browser, Locator::Css("form.pay button")).await;
    button.click().await.unwrap();
    let method = wait(
        &browser,
        Locator::Css("button[name='method'][value='bri_va']"),
    )
    .await;
    method.click().await.unwrap();
    let pay = wait(&browser, Locator::Css("button[name='act'][value='pay']")).await;
    pay.click().await.unwrap();
    // The link stands on the page before as well: the result tells that this is the one after.
    wait(&browser, Locator::Css("h1.result")).await;
    wait(&browser, Locator::Css("a#back"))
        .await
        .click()
        .await
        .unwrap();
    let paid = "main[data-payment='Paid'][data-repair='Confirmed']";
    wait(&browser, Locator::Css(paid)).await;
    browser.close().await.unwrap();
}

#[tokio::test]
async fn the_pages_are_pictured_on_a_phone() {
    let stack = Stack::start();
    let booked = stack.customer(7).book("12.00").await;
    let driver = Driver::start();
    let browser = driver.browser(390, 844).await;
    for (page, name) in [
        (booked.link.clone(), "phone-order"),
        (format!("{}/m/demo", stack.base_url()), "phone-shop"),
        (
            format!("{}/m/demo/catalog", stack.base_url()),
            "phone-catalog",
        ),
        (format!("{}/sandbox", stack.base_url()), "phone-sandbox"),
    ] {
        browser.goto(&page).await.unwrap();
        wait(&browser, Locator::Css("main, .stage")).await;
        let wide = browser
            .execute(
                "return document.documentElement.scrollWidth > innerWidth + 1",
                vec![],
            )
            .await
            .unwrap();
        assert_eq!(wide, false, "{name} scrolls sideways");
        picture(&browser, name).await;
    }
    browser.close().await.unwrap();
}

#[tokio::test]
async fn a_subscriber_pays_their_bill_on_a_phone_and_sees_it_paid() {
    let debtor = Debtor::billed().await;
    let driver = Driver::start();
    let browser = driver.browser(390, 844).await;
    browser.goto(&debtor.link).await.unwrap();
    wait(&browser, Locator::Css("main[data-payment='Created']")).await;
    let wide = "return document.documentElement.scrollWidth > innerWidth + 1";
    let wide = browser.execute(wide, vec![]).await.unwrap();
    assert_eq!(wide, false, "the bill scrolls sideways");
    picture(&browser, "phone-bill").await;
    let button = wait(&browser, Locator::Css("form.pay button")).await;
    button.click().await.unwrap();
    let snap = wait(&browser, Locator::Css("div[role='dialog'] iframe")).await;
    snap.enter_frame().await.unwrap();
    let method = Locator::Css("button[name='method'][value='qris']");
    wait(&browser, method).await.click().await.unwrap();
    let pay = wait(&browser, Locator::Css("button[name='act'][value='pay']")).await;
    pay.click().await.unwrap();
    browser.enter_parent_frame().await.unwrap();
    // Without a reload: the page asks by itself.
    wait(&browser, Locator::Css("main[data-payment='Paid']")).await;
    let forms = browser.find_all(Locator::Css("form.pay")).await.unwrap();
    assert!(forms.is_empty(), "what is paid cannot be paid again");
    picture(&browser, "phone-bill-paid").await;
    browser.close().await.unwrap();
}

#[tokio::test]
async fn a_month_is_billed_from_the_playground_and_its_tape_is_watched() {
    let stack = Stack::start_with(&Setup {
        clock: Some("2026-11-30T10:00:00+07:00".to_owned()),
        ..Setup::default()
    });
    let driver = Driver::start();
    let browser = driver.browser(1280, 1000).await;
    let page = format!("{}/sandbox", stack.base_url());
    browser.goto(&page).await.unwrap();
    let summary = wait(&browser, Locator::Css("#tape summary")).await;
    summary.click().await.unwrap();
    wait(
        &browser,
        Locator::XPath("//p[@id='run-says'][contains(., 'Belum ada tagihan')]"),
    )
    .await;
    let dry_run = wait(&browser, Locator::Css("#forecast")).await;
    dry_run.click().await.unwrap();
    let foreseen = "//p[@id='run-says'][contains(., '25 tagihan, Rp3.750.000')]";
    wait(&browser, Locator::XPath(foreseen)).await;
    let bill = wait(&browser, Locator::Css("#run button[type='submit']")).await;
    bill.click().await.unwrap();
    // Without a reload: the head goes on, and the messages are taken one by one.
    let told = "//ol[@id='shards'][count(.//span[@class='cell A'])=25]";
    wait(&browser, Locator::XPath(told)).await;
    let rows = browser.find_all(Locator::Css("#shards li")).await.unwrap();
    assert_eq!(rows.len(), 8);
    let bottom = "document.getElementById('tape').scrollIntoView()";
    browser.execute(bottom, vec![]).await.unwrap();
    picture(&browser, "tape").await;
    browser.close().await.unwrap();
}
