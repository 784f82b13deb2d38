//! The operator's command line against a stack: what it does, and what it refuses.

#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

use std::io::Write as _;
use std::process::Stdio;

use pesan_tests::operator::Operator;
use pesan_tests::{Booked, Setup, Stack, TELEGRAM_SECRET, TELEGRAM_SECRET_HEADER};
use reqwest::Method;
use serde_json::{Value, json};

const PRICES: &str =
    "device,part,price,minutes\niPhone 6,LCD,250000,90\niPhone 6,Battery,80000,45\n";

/// What BotFather and Midtrans gave a merchant.
fn account(merchant: &str, token: &str) -> Value {
    json!({
        "merchant": merchant, "bot_username": format!("{merchant}_bot"), "bot_token": token,
        "midtrans_merchant_id": "G7", "server_key": format!("SB-Mid-server-{merchant}"),
        "client_key": format!("SB-Mid-client-{merchant}"), "notification_url": "",
    })
}

async fn empty() -> Stack {
    let stack = Stack::start_with(&Setup {
        empty: true,
        ..Setup::default()
    });
    stack
        .handle("/sandbox/accounts", &account("jaya", "7:jaya-token"))
        .await;
    stack
}

fn findings(doctor: &Value) -> Vec<(String, String)> {
    let text = |finding: &Value, field: &str| finding[field].as_str().unwrap().to_owned();
    let all = doctor["findings"].as_array().unwrap().iter();
    all.map(|one| (text(one, "what"), text(one, "verdict")))
        .collect()
}

#[tokio::test]
async fn a_merchant_is_made_once_shown_listed_and_changed() {
    let stack = empty().await;
    let operator = Operator::of(&stack);
    operator.does("pesan merchant add jaya --name 'Jaya Gadget' --zone Asia/Makassar --seats 2");
    let twice = operator.is_refused("pesan merchant add jaya --name Other --zone Asia/Jakarta");
    assert!(
        twice.contains("there is a merchant jaya already"),
        "{twice}"
    );
    let shown = operator.does("pesan merchant show jaya --json").json();
    assert_eq!(shown["name"], "Jaya Gadget");
    assert_eq!(shown["zone"], "Asia/Makassar");
    assert_eq!(shown["seats"], 2);
    assert_eq!(shown["midtrans"], Value::Null);

    operator.does("pesan merchant set jaya --about-en 'Phone repairs'");
    operator.does("pesan hours set jaya --slots 13:00-14:00,09:00-10:00 --closed sunday,monday --closed-dates 2026-12-25");
    operator.does("pesan hours set jaya --closed none");
    let shown = operator.does("pesan merchant show jaya --json").json();
    assert_eq!(shown["name"], "Jaya Gadget");
    assert_eq!(shown["about_en"], "Phone repairs");
    assert_eq!(shown["slots"], json!(["09:00-10:00", "13:00-14:00"]));
    assert_eq!(shown["closed"], json!([]));
    assert_eq!(shown["closed_dates"], json!(["2026-12-25"]));
    let listed = operator.does("pesan merchant list");
    assert!(
        listed
            .out
            .lines()
            .nth(1)
            .unwrap()
            .starts_with("jaya  Jaya Gadget  Asia/Makassar"),
        "{listed:?}"
    );
}

#[tokio::test]
async fn a_setting_that_cannot_be_is_refused_by_its_field_and_changes_nothing() {
    let stack = empty().await;
    let operator = Operator::of(&stack);
    operator.does("pesan merchant add jaya --name Jaya --zone Asia/Jakarta");
    let rows = stack.rows().await;
    for (line, named) in [
        (
            "pesan merchant add JAYA --name x --zone Asia/Jakarta",
            "2 to 32 small letters",
        ),
        (
            "pesan merchant add toko --name ' ' --zone Asia/Jakarta",
            "name:",
        ),
        (
            "pesan merchant add toko --name x --zone Asia/Singapore",
            "Asia/Makassar",
        ),
        (
            "pesan merchant set jaya --seats 0",
            "seats: 0 is not from 1 to 50",
        ),
        ("pesan merchant set jaya --hold-minutes 5", "hold-minutes"),
        (
            "pesan merchant set nobody --seats 1",
            "there is no merchant nobody",
        ),
        (
            "pesan hours set jaya --slots 14:00-16:00,15:00-17:00",
            "14:00 and 15:00 overlap",
        ),
        (
            "pesan hours set jaya --slots 22:00-21:00",
            "ends before it begins",
        ),
        (
            "pesan hours set jaya --slots 9-11",
            "no slot such as 09:00-11:00",
        ),
        ("pesan hours set jaya --closed minggu", "no weekday"),
        (
            "pesan hours set jaya --closed none,sunday",
            "closed: none stands alone",
        ),
        ("pesan merchant add toko --name x", "--zone"),
        ("pesan hours set jaya --closed-dates 2026-02-30", "no date"),
        (
            "pesan midtrans connect jaya --merchant-id G7",
            "--client-key",
        ),
        (
            "pesan catalog import jaya nowhere.csv",
            "nowhere.csv cannot be read",
        ),
        ("pesan catalog export nobody", "there is no merchant nobody"),
    ] {
        let refused = operator.is_refused(line);
        assert!(refused.contains(named), "{line}: {refused}");
    }
    let refused = operator
        .tries("pesan merchant set jaya --seats 0 --json")
        .json();
    assert_eq!(refused["error"]["field"], "seats");
    assert_eq!(stack.rows().await, rows);
}

#[tokio::test]
async fn two_changes_at_the_same_moment_are_both_kept() {
    let stack = empty().await;
    let operator = Operator::of(&stack);
    operator.does("pesan merchant add jaya --name Jaya --zone Asia/Jakarta");
    let lines = [
        "pesan merchant set jaya --seats 3",
        "pesan merchant set jaya --hold-minutes 30",
        "pesan merchant set jaya --horizon-days 10",
        "pesan hours set jaya --slots 09:00-10:00",
    ];
    let running: Vec<_> = lines
        .iter()
        .map(|line| {
            operator
                .command(line)
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut process in running {
        assert!(process.wait().unwrap().success());
    }
    let shown = operator.does("pesan merchant show jaya --json").json();
    assert_eq!(shown["seats"], 3);
    assert_eq!(shown["hold_minutes"], 30);
    assert_eq!(shown["horizon_days"], 10);
    assert_eq!(shown["slots"], json!(["09:00-10:00"]));
}

#[tokio::test]
async fn a_refused_row_stops_the_import_and_the_same_file_again_changes_nothing() {
    let stack = empty().await;
    let operator = Operator::of(&stack);
    operator.does("pesan merchant add jaya --name Jaya --zone Asia/Jakarta");
    operator.file("prices.csv", PRICES);
    let dry = operator
        .does("pesan catalog import jaya prices.csv --dry-run --json")
        .json();
    assert_eq!(dry["written"], false);
    assert_eq!(dry["new"], json!(["iphone-6-lcd", "iphone-6-battery"]));
    assert_eq!(stack.rows_at("ITEM#").await.len(), 0);

    operator.file("bad.csv", &format!("{PRICES}iPhone 7,LCD,70.000,90\n"));
    let refused = operator.is_refused("pesan catalog import jaya bad.csv");
    assert!(refused.contains("line 4: price:"), "{refused}");
    assert!(refused.contains("nothing was written"), "{refused}");
    assert_eq!(stack.rows_at("ITEM#").await.len(), 0);
    operator.does("pesan catalog import jaya bad.csv --skip-refused");
    assert_eq!(stack.rows_at("ITEM#").await.len(), 2);

    let again = operator
        .does("pesan catalog import jaya prices.csv --json")
        .json();
    assert_eq!(again["unchanged"], 2);
    assert_eq!((&again["new"], &again["changed"]), (&json!([]), &json!([])));
    operator.does("pesan catalog export jaya --output exported.csv");
    let back = operator
        .does("pesan catalog import jaya exported.csv --json")
        .json();
    assert_eq!(back["unchanged"], 2);

    operator.file(
        "one.csv",
        "device,part,price,minutes\niPhone 6,LCD,300000,90\n",
    );
    let kept = operator
        .does("pesan catalog import jaya one.csv --json")
        .json();
    assert_eq!(kept["changed"], json!(["iphone-6-lcd"]));
    assert_eq!(kept["absent"], json!(["iphone-6-battery"]));
    assert_eq!(stack.rows_at("ITEM#").await.len(), 2);
    operator.does("pesan catalog import jaya one.csv --remove-absent");
    let exported = operator.does("pesan catalog export jaya").out;
    assert_eq!(
        exported.trim(),
        "device,part,price,minutes,stock,id\niPhone 6,LCD,300000,90,,iphone-6-lcd"
    );
}

#[tokio::test]
async fn secrets_come_from_a_file_or_standard_input_and_are_never_said() {
    let stack = empty().await;
    let operator = Operator::of(&stack);
    operator.does("pesan merchant add jaya --name Jaya --zone Asia/Jakarta");
    let unasked = operator.is_refused("pesan telegram set-webhook jaya");
    assert!(unasked.contains("--token-file"), "{unasked}");
    operator.file("empty.txt", "\n");
    let blank = operator.is_refused("pesan telegram set-webhook jaya --token-file empty.txt");
    assert!(blank.contains("empty.txt: it is empty"), "{blank}");

    let mut piped = operator
        .command("pesan telegram set-webhook jaya --token-file - --json")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = piped.stdin.take().unwrap();
    input.write_all(b"7:jaya-token\n").unwrap();
    drop(input);
    let output = piped.wait_with_output().unwrap();
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    let answer: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(answer["telegram"], "Webhook was set");
    assert_eq!(answer["bot_username"], "jaya_bot");
    let said = format!("{said}{}", String::from_utf8(output.stderr).unwrap());
    assert!(!said.contains("jaya-token"), "{said}");
}

#[tokio::test]
async fn a_bot_is_connected_once_and_again_with_telegrams_own_words() {
    let stack = empty().await;
    let operator = Operator::of(&stack);
    operator.does("pesan merchant add jaya --name Jaya --zone Asia/Jakarta");
    operator.file("token.txt", "7:jaya-token");
    let set = operator
        .does("pesan telegram set-webhook jaya --token-file token.txt")
        .out;
    assert!(set.contains("Telegram says: Webhook was set"), "{set}");
    let again = operator.does("pesan telegram set-webhook jaya").out;
    assert!(again.contains("Webhook is already set"), "{again}");

    let calls = stack.calls("telegram").await;
    let set = calls
        .iter()
        .find(|call| call["op"] == "setWebhook")
        .unwrap();
    assert_eq!(
        set["body"]["allowed_updates"],
        json!(["message", "callback_query", "my_chat_member"])
    );
    assert_eq!(set["body"]["max_connections"], 40);
    assert_eq!(set["body"]["secret_token"].as_str().unwrap().len(), 43);
    let commands: Vec<_> = calls
        .iter()
        .filter(|call| call["op"] == "setMyCommands")
        .take(3)
        .collect();
    let languages: Vec<_> = commands
        .iter()
        .map(|call| call["body"]["language_code"].as_str().unwrap())
        .collect();
    assert_eq!(languages, ["", "id", "en"]);
    assert_eq!(
        commands[0]["body"]["commands"][1]["description"],
        "reservasi servis"
    );
    assert_eq!(
        commands[2]["body"]["commands"][1]["description"],
        "book a repair"
    );

    let info = operator.does("pesan telegram info jaya --json").json();
    assert_eq!(info["url"], format!("{}/telegram/jaya", stack.base_url()));
    let removed = operator.does("pesan telegram remove-webhook jaya").out;
    assert!(removed.contains("Webhook was deleted"), "{removed}");
    let removed = operator.does("pesan telegram remove-webhook jaya").out;
    assert!(removed.contains("Webhook is already deleted"), "{removed}");
    let info = operator.does("pesan telegram info jaya --json").json();
    assert_eq!(info["url"], "");
}

#[tokio::test]
async fn what_telegram_refuses_is_not_kept() {
    let stack = Stack::start();
    let operator = Operator::of(&stack);
    operator.file("wrong.txt", "1:other");
    let refused = operator.is_refused("pesan telegram set-webhook demo --token-file wrong.txt");
    assert!(
        refused.contains("Telegram refused: Unauthorized (401)"),
        "{refused}"
    );
    stack
        .fault(json!({"at": "telegram", "fault": "400", "op": "setWebhook"}))
        .await;
    operator.is_refused("pesan telegram set-webhook demo --new-secret");
    let update = json!({"update_id": 1});
    assert_eq!(
        stack.update(Some(TELEGRAM_SECRET), &update).await.status(),
        200
    );
    assert!(
        operator
            .does("pesan telegram info demo")
            .out
            .contains("/telegram/demo")
    );
}

#[tokio::test]
async fn a_new_secret_is_taken_at_once_and_the_old_one_then_refused() {
    let stack = Stack::start();
    let operator = Operator::of(&stack);
    let customer = stack.customer(1);
    customer.say("/start").await;
    stack.advance("1m").await;
    operator.does("pesan telegram set-webhook demo --new-secret");
    // Telegram sends the new one; the function reads anew what it held.
    assert!(customer.say("/help").await.text.contains("/order"));
    let update = json!({"update_id": 1});
    let old = stack
        .request(Method::POST, "/telegram/demo")
        .header(TELEGRAM_SECRET_HEADER, TELEGRAM_SECRET)
        .json(&update)
        .send();
    assert_eq!(old.await.unwrap().status(), 401);
}

#[tokio::test]
async fn an_account_is_connected_only_with_a_key_that_midtrans_takes() {
    let stack = empty().await;
    let operator = Operator::of(&stack);
    operator.does("pesan merchant add jaya --name Jaya --zone Asia/Jakarta");
    let connect = |file: &str, more: &str| {
        format!(
            "pesan midtrans connect jaya --merchant-id G7 --client-key SB-Mid-client-jaya --server-key-file {file} {more}"
        )
    };
    operator.file("right.txt", "SB-Mid-server-jaya");
    operator.file("wrong.txt", "SB-Mid-server-other");
    operator.file("client.txt", "SB-Mid-client-jaya");
    let refused = operator.is_refused(&connect("wrong.txt", ""));
    assert!(
        refused.contains("Midtrans refused: the server key is not one"),
        "{refused}"
    );
    let refused = operator.is_refused(&connect("client.txt", ""));
    assert!(
        refused.contains("server-key: a key of the sandbox"),
        "{refused}"
    );
    let refused = operator.is_refused(&connect("right.txt", "--production"));
    assert!(
        refused.contains("client-key: a key of production"),
        "{refused}"
    );
    stack
        .fault(json!({"at": "midtrans", "fault": "timeout_before"}))
        .await;
    let refused = operator.is_refused(&connect("right.txt", ""));
    assert!(refused.contains("Midtrans did not answer"), "{refused}");
    let asked =
        operator.is_refused(&connect("right.txt", "").replace("--server-key-file right.txt", ""));
    assert!(asked.contains("--server-key-file"), "{asked}");
    let shown = operator.does("pesan merchant show jaya --json").json();
    assert_eq!(shown["midtrans"], Value::Null);

    let connected = operator.does(&connect("right.txt", "")).out;
    let url = format!("{}/midtrans/jaya", stack.base_url());
    assert!(connected.ends_with(&format!("{url}\n")), "{connected}");
    // The key that is stored does for the next change.
    operator.does("pesan midtrans connect jaya --merchant-id G7 --client-key SB-Mid-client-jaya");
    let checked = operator.does("pesan midtrans check jaya --json").json();
    assert_eq!(checked["lacking"], 0);
    stack
        .put_parameter("merchants/jaya/midtrans-server-key", "SB-Mid-server-other")
        .await;
    let checked = operator.tries("pesan midtrans check jaya").out;
    assert!(
        checked.contains("lacking  midtrans server key: Midtrans refused"),
        "{checked}"
    );
}

#[tokio::test]
async fn the_doctor_says_what_is_missing_in_the_order_in_which_it_is_mended() {
    let stack = empty().await;
    let operator = Operator::of(&stack);
    assert!(
        operator
            .is_refused("pesan doctor jaya")
            .contains("lacking  merchant: there is no merchant jaya")
    );
    operator.does("pesan merchant add jaya --name Jaya --zone Asia/Jakarta");
    let all = operator.tries("pesan doctor jaya --json").json();
    let expected = [
        ("link key", "lacking"),
        ("contact key", "lacking"),
        ("public address", "ok"),
        ("hours", "lacking"),
        ("catalog", "lacking"),
        ("midtrans account", "lacking"),
        ("telegram bot", "lacking"),
        ("whatsapp", "note"),
    ];
    let expected: Vec<_> = expected
        .iter()
        .map(|(what, verdict)| ((*what).to_owned(), (*verdict).to_owned()))
        .collect();
    assert_eq!(findings(&all), expected);
    operator.file("prices.csv", PRICES);
    operator.file("token.txt", "7:jaya-token");
    operator.file("key.txt", "SB-Mid-server-jaya");
    for line in [
        "pesan keys create",
        "pesan hours set jaya --slots 09:00-10:00",
        "pesan catalog import jaya prices.csv",
        "pesan midtrans connect jaya --merchant-id G7 --client-key SB-Mid-client-jaya --server-key-file key.txt",
        "pesan telegram set-webhook jaya --token-file token.txt",
    ] {
        let before = operator.tries("pesan doctor jaya --json");
        assert!(!before.is_good);
        operator.does(line);
        let lacked = before.json()["lacking"].as_u64().unwrap();
        let lacking = operator.tries("pesan doctor jaya --json").json()["lacking"]
            .as_u64()
            .unwrap();
        let mended = if line.contains("keys") { 2 } else { 1 };
        assert_eq!(lacking, lacked - mended, "{line}");
    }
    let healthy = operator.does("pesan doctor jaya").out;
    assert!(healthy.contains("note     real money"), "{healthy}");
    operator.does("pesan telegram remove-webhook jaya");
    let sick = operator.tries("pesan doctor jaya").out;
    assert!(
        sick.contains(
            "lacking  telegram webhook: none is set\n         → pesan telegram set-webhook jaya"
        ),
        "{sick}"
    );
}

/// What the bot shows of a booking now is another link than the first, and opens the same page.
async fn new_link_opens(stack: &Stack, chat: i64, booked: &Booked) {
    let shown = stack.customer(chat).press("Bayar Sekarang").await;
    let link = shown.link().unwrap();
    assert_ne!(link, booked.link);
    assert_eq!(stack.page(&link).await.order_id, booked.code);
}

#[tokio::test]
async fn a_rotated_link_key_closes_no_page_that_was_handed_out() {
    let stack = Stack::start();
    let operator = Operator::of(&stack);
    let customer = stack.customer(1);
    let early = customer.book("09.00").await;
    operator.does("pesan link-key rotate");
    // The function still holds the key of before.
    let meanwhile = stack.customer(2).book("12.00").await;
    stack.advance("6m").await;
    new_link_opens(&stack, 1, &early).await;
    let reissued = operator.does("pesan link-key reissue --json").json();
    assert_eq!(reissued["bookings"], 2);
    for (chat, booked) in [(1, &early), (2, &meanwhile)] {
        assert_eq!(stack.page(&booked.link).await.order_id, booked.code);
        new_link_opens(&stack, chat, booked).await;
    }
}

#[tokio::test]
async fn a_revoked_link_key_closes_every_page_that_was_handed_out() {
    let stack = Stack::start();
    let operator = Operator::of(&stack);
    let booked = stack.customer(1).book("09.00").await;
    operator.does("pesan link-key rotate --revoke");
    let path = booked.link.strip_prefix(stack.base_url()).unwrap();
    assert_eq!(stack.get(path).await.0, 404);
    stack.advance("6m").await;
    new_link_opens(&stack, 1, &booked).await;
}

#[tokio::test]
async fn another_bot_takes_the_place_of_the_one_before() {
    let stack = empty().await;
    let operator = Operator::of(&stack);
    operator.does("pesan merchant add jaya --name Jaya --zone Asia/Jakarta");
    operator.file("old.txt", "7:jaya-token");
    operator.does("pesan telegram set-webhook jaya --token-file old.txt");
    stack
        .handle("/sandbox/accounts", &account("other", "8:other-token"))
        .await;
    operator.file("new.txt", "8:other-token");
    operator.does("pesan telegram set-webhook jaya --token-file new.txt");
    let calls = stack.calls("telegram").await;
    let left = calls.iter().find(|call| call["op"] == "deleteWebhook");
    assert!(
        left.unwrap()["path"]
            .as_str()
            .unwrap()
            .contains("7:jaya-token")
    );
    let secrets: Vec<_> = calls
        .iter()
        .filter(|call| call["op"] == "setWebhook")
        .map(|call| call["body"]["secret_token"].clone())
        .collect();
    assert_eq!(secrets.len(), 2);
    assert_ne!(secrets[0], secrets[1]);
    let shown = operator.does("pesan merchant show jaya --json").json();
    assert_eq!(shown["bot_username"], "other_bot");
}

#[tokio::test]
async fn the_doctor_finds_a_bot_whose_updates_are_refused_and_says_what_it_cannot_find_out() {
    let stack = Stack::start();
    let operator = Operator::of(&stack);
    operator.does("pesan doctor demo");
    let secret = "merchants/demo/telegram-webhook-secret";
    stack
        .put_parameter(secret, "what-telegram-does-not-send")
        .await;
    stack.advance("6m").await;
    stack.customer(1).try_say("/start").await;
    let sick = operator.tries("pesan doctor demo").out;
    assert!(
        sick.contains("lacking  telegram webhook: 1 updates wait"),
        "{sick}"
    );

    stack
        .fault(json!({"at": "telegram", "fault": "timeout_before", "op": "getWebhookInfo"}))
        .await;
    let unclear = operator.tries("pesan doctor demo");
    assert!(!unclear.is_good);
    assert!(
        unclear
            .out
            .contains("unknown  telegram bot: Telegram did not answer"),
        "{unclear:?}"
    );
    stack
        .fault(json!({"at": "midtrans", "fault": "timeout_before", "op": "status"}))
        .await;
    let unclear = operator.tries("pesan midtrans check demo --json").json();
    assert_eq!(
        (&unclear["lacking"], &unclear["unknown"]),
        (&json!(0), &json!(1))
    );
}

#[tokio::test]
async fn an_account_that_was_mistyped_is_an_alarm_when_midtrans_sends() {
    let stack = Stack::start();
    let operator = Operator::of(&stack);
    operator.does("pesan midtrans connect demo --merchant-id G1 --client-key SB-Mid-client-demo");
    let booked = stack.customer(1).book("09.00").await;
    let paid = stack
        .bank(&booked.code, json!({"do": "pay", "method": "bca_va"}))
        .await;
    assert_eq!(paid["notified"], json!([401]));
    assert!(stack.log().contains("foreign account"));
}

#[tokio::test]
async fn a_day_that_was_closed_meanwhile_is_not_booked() {
    let stack = Stack::start();
    let operator = Operator::of(&stack);
    let customer = stack.customer(1);
    for option in [
        "--closed-dates 2026-12-05",
        "--closed-dates none --closed saturday",
    ] {
        operator.does("pesan hours set demo --closed none --closed-dates none");
        stack.advance("2m").await;
        customer.summary("05/12/2026", "09.00").await;
        operator.does(&format!("pesan hours set demo {option}"));
        stack.advance("2m").await;
        let told = customer.press("Book Now").await;
        assert_eq!(told.code(), None, "{}", told.text);
        assert!(told.text.to_lowercase().contains("tutup"), "{}", told.text);
        assert_eq!(stack.rows_at("RESERVATION").await.len(), 0);
    }
}

#[tokio::test]
async fn items_that_customers_could_not_tell_apart_are_not_imported() {
    let stack = empty().await;
    let operator = Operator::of(&stack);
    operator.does("pesan merchant add jaya --name Jaya --zone Asia/Jakarta");
    operator.file("prices.csv", PRICES);
    operator.does("pesan catalog import jaya prices.csv");
    for (row, why) in [
        ("iPhone-6,Speaker,1,1,", "device: iPhone"),
        ("iPhone 6,lcd,1,1,other-id", "part: "),
    ] {
        operator.file(
            "more.csv",
            &format!("device,part,price,minutes,id\n{row}\n"),
        );
        let refused = operator.is_refused("pesan catalog import jaya more.csv");
        assert!(refused.contains(why), "{refused}");
        assert_eq!(stack.rows_at("ITEM#").await.len(), 2);
    }
    operator.file(
        "plus.csv",
        "device,part,price,minutes\niPhone 6+,LCD,390000,90\n,,,\n",
    );
    let added = operator
        .does("pesan catalog import jaya plus.csv --json")
        .json();
    assert_eq!(added["new"], json!(["iphone-6-plus-lcd"]));
}

#[tokio::test]
async fn a_bot_or_an_account_of_another_merchant_is_refused() {
    let stack = Stack::start();
    let operator = Operator::of(&stack);
    operator.file("token.txt", "1:demo");
    let refused = operator.is_refused("pesan telegram set-webhook demo2 --token-file token.txt");
    assert!(
        refused.contains("the bot @demo_bot belongs to the merchant demo"),
        "{refused}"
    );
    operator.file("key.txt", "SB-Mid-server-demo");
    let refused = operator.is_refused("pesan midtrans connect demo2 --merchant-id G000000001 --client-key SB-Mid-client-demo --server-key-file key.txt");
    assert!(
        refused.contains("the account G000000001 belongs to the merchant demo"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_key_that_midtrans_does_not_take_any_more_is_an_alarm() {
    let stack = Stack::start();
    stack
        .fault(json!({"at": "midtrans", "fault": "401", "op": "transactions"}))
        .await;
    stack.customer(1).summary("05/12/2026", "09.00").await;
    stack.customer(1).press("Book Now").await;
    assert!(stack.log().contains("server key refused"));
}

#[tokio::test]
async fn a_command_without_a_deployment_says_which_word_is_missing() {
    let stack = empty().await;
    let operator = Operator::of(&stack);
    let nowhere = operator
        .command("pesan merchant list")
        .env_remove("PESAN_ENDPOINT")
        .env("PESAN_PREFIX", "/pesan/prod")
        .output()
        .unwrap();
    let complaint = String::from_utf8(nowhere.stderr).unwrap();
    assert!(complaint.contains("export-credentials"), "{complaint}");
    assert!(complaint.contains("AWS_REGION"), "{complaint}");
    let nameless = operator
        .command("pesan merchant list")
        .env_remove("PESAN_ENDPOINT")
        .env("AWS_REGION", "ap-southeast-3")
        .env("AWS_ACCESS_KEY_ID", "a")
        .env("AWS_SECRET_ACCESS_KEY", "b")
        .output()
        .unwrap();
    let complaint = String::from_utf8(nameless.stderr).unwrap();
    assert!(complaint.contains("PESAN_PREFIX"), "{complaint}");
    let other = operator.is_refused("pesan merchant list --prefix /pesan/elsewhere");
    assert!(
        other.contains("no deployment is noted at /pesan/elsewhere"),
        "{other}"
    );
    let script = operator.does("pesan completions bash").out;
    assert!(script.contains("set-webhook"), "{script}");
}
