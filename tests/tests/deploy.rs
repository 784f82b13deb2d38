//! `docs/DEPLOY.md` is true: its commands alone lead from an empty table to a paid booking.

use pesan_tests::operator::Operator;
use pesan_tests::{Setup, Stack};
use reqwest::Method;
use serde_json::{Value, json};

const GUIDE: &str = include_str!("../../docs/DEPLOY.md");
const CATALOG: &str = include_str!("../../docs/catalog-example.csv");
const SUBSCRIBERS: &str = include_str!("../../docs/subscribers-example.csv");

/// The commands of the blocks that need no AWS: those marked `sh`.
fn commands() -> Vec<String> {
    let blocks = GUIDE.split("```sh\n").skip(1);
    blocks
        .filter_map(|block| block.split("```").next())
        .flat_map(|block| {
            let joined = block.replace("\\\n", " ");
            joined.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .filter(|line| !line.trim().is_empty())
        .collect()
}

/// What is entered in Meta's dashboard, where a command says what that is.
fn entered(said: &str) -> Option<Value> {
    let after = |start: &str| {
        let mut lines = said.lines();
        lines.find_map(|line| line.strip_prefix(start).map(str::trim))
    };
    Some(json!({
        "app_secret": "the-secret-of-the-app",
        "webhook_url": after("callback URL")?,
        "verify_token": after("verify token")?,
    }))
}

#[tokio::test]
async fn the_guide_leads_from_an_empty_table_to_a_paid_booking() {
    let stack = Stack::start_with(&Setup {
        empty: true,
        ..Setup::default()
    });
    assert_eq!(stack.rows().await.len(), 0);
    let operator = Operator::of(&stack);
    // What BotFather, and Midtrans' and Meta's dashboards give.
    operator.file("docs/catalog-example.csv", CATALOG);
    operator.file("docs/subscribers-example.csv", SUBSCRIBERS);
    operator.file("telegram-token.txt", "4711:the-token-of-jaya\n");
    operator.file("midtrans-server-key.txt", "SB-Mid-server-jaya\n");
    operator.file("whatsapp-app-secret.txt", "the-secret-of-the-app\n");
    operator.file("whatsapp-token.txt", "the-whatsapp-token-of-jaya\n");
    let mut account = json!({
        "merchant": "jaya",
        "bot_username": "jaya_gadget_bot",
        "bot_token": "4711:the-token-of-jaya",
        "midtrans_merchant_id": "G123456789",
        "server_key": "SB-Mid-server-jaya",
        "client_key": "SB-Mid-client-0123456789abcdef",
        "notification_url": "",
        "whatsapp": {
            "phone_number_id": "106540352242922",
            "waba_id": "102290129340398",
            "display_phone_number": "+62 811-1000-001",
            "access_token": "the-whatsapp-token-of-jaya",
        },
    });
    stack.handle("/sandbox/accounts", &account).await;

    let commands = commands();
    assert!(commands.len() >= 17, "{commands:#?}");
    for line in &commands {
        let done = operator.does(line);
        if let Some(url) = done
            .out
            .lines()
            .find(|line| line.ends_with("/midtrans/jaya"))
        {
            account["notification_url"] = json!(url);
            stack.handle("/sandbox/accounts", &account).await;
        }
        if let Some(app) = entered(&done.out) {
            stack.handle("/sandbox/whatsapp-app", &app).await;
        }
    }
    assert_ne!(account["notification_url"], "");

    let customer = stack.customer_of("jaya", 1, "id");
    customer.say("/order").await;
    customer.press("Booking").await;
    customer.say("05/12/2026").await;
    customer.press("iPhone 12").await;
    customer.press("09.00").await;
    customer.press("Battery").await;
    let code = customer.press("Book Now").await.code().unwrap();
    stack
        .bank(&code, json!({"do": "pay", "method": "bca_va"}))
        .await;
    let shown = customer.press("Bayar Sekarang").await;
    let link = shown.link().unwrap();
    let page = stack.page(&link).await;
    assert_eq!((page.total, page.payment.as_str()), (70_000, "Paid"));
    assert_eq!(page.repair, "Confirmed");
    let shop = stack
        .request(Method::GET, "/m/jaya")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(
        shop.contains("Jaya Gadget Servis") && shop.contains("jaya_gadget_bot"),
        "{shop}"
    );

    let verified = stack.handle("/sandbox/whatsapp-verify", &json!({})).await;
    assert_eq!(verified["verified"], true);
    operator.does("pesan topup jaya --package 100 --received transfer-1");
    let stop = json!({"text": "STOP", "merchant": "jaya"});
    let phone = "6281200000042";
    stack
        .handle(&format!("/sandbox/whatsapp/{phone}/text"), &stop)
        .await;
    let inbox = stack.inbox(phone).await;
    assert!(inbox[0].contains("Jaya Gadget Servis"), "{inbox:?}");
}
