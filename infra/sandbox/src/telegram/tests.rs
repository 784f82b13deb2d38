use serde_json::{Value, json};

use super::html;
use crate::testing::Rig;

const CHAT: &str = "/sandbox/telegram/demo/chats/7";

async fn api(rig: &Rig, method: &str, body: Value) -> (u16, Value) {
    rig.post(
        &format!("/sandbox/api.telegram.org/bot1:demo/{method}"),
        body,
    )
    .await
}

async fn started() -> Rig {
    let rig = Rig::new().await;
    let hook = json!({"url": rig.hook_url, "secret_token": "s_e-cret"});
    assert_eq!(
        api(&rig, "setWebhook", hook.clone()).await.1["description"],
        "Webhook was set"
    );
    assert_eq!(
        api(&rig, "SETWEBHOOK", hook).await.1["description"],
        "Webhook is already set"
    );
    let typed = rig
        .post(&format!("{CHAT}/text"), json!({"text": "/start x"}))
        .await;
    assert_eq!(typed, (200, json!({"ok": true, "status": 200})));
    rig
}

async fn refusal(rig: &Rig, more: Value) -> String {
    let mut body = json!({"chat_id": 7, "text": "Halo", "parse_mode": "HTML"});
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let (status, answer) = api(rig, "sendMessage", body).await;
    assert_eq!(status, if answer["ok"] == true { 200 } else { 400 });
    answer["description"].as_str().unwrap_or("ok").to_owned()
}

fn key(button: Value) -> Value {
    json!({"reply_markup": {"inline_keyboard": [[button]]}})
}

#[test]
fn html_lets_pass_what_telegram_lets_pass() {
    let parsed = html::parse(
        "🙂 <b>A &lt;&amp; <i>B</i></b> <a href=\"https://x.id/?a=1&amp;b\">sini</a>&#33;",
    )
    .unwrap();
    assert_eq!(parsed.text, "🙂 A <& B sini!");
    assert_eq!(parsed.shown, "🙂 A <& B sini (https://x.id/?a=1&b)!");
    assert_eq!(
        parsed.entities[0],
        json!({"type": "bold", "offset": 3, "length": 6})
    );
    assert_eq!(parsed.entities[2]["url"], "https://x.id/?a=1&b");
    for wrong in [
        "<div>x</div>",
        "a & b",
        "a < b",
        "<b>x",
        "x</b>",
        "<b><i>x</b></i>",
        "&nbsp;",
        "<br>",
    ] {
        assert!(html::parse(wrong).is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn a_message_is_refused_as_telegram_refuses_it() {
    let rig = started().await;
    assert_eq!(
        refusal(&rig, json!({"chat_id": 8})).await,
        "Bad Request: chat not found"
    );
    assert_eq!(
        refusal(&rig, json!({"text": "<b> </b>"})).await,
        "Bad Request: message text is empty"
    );
    assert_eq!(
        refusal(&rig, json!({"text": "é".repeat(4097)})).await,
        "Bad Request: message is too long"
    );
    assert_eq!(
        refusal(&rig, json!({"text": "&lt;".repeat(4096)})).await,
        "ok"
    );
    let wrong = refusal(&rig, json!({"text": "<p>x</p>"})).await;
    assert_eq!(
        wrong,
        "Bad Request: can't parse entities: Unsupported start tag \"p\" at byte offset 0"
    );
    let long = key(json!({"text": "A", "callback_data": "é".repeat(33)}));
    assert_eq!(
        refusal(&rig, long).await,
        "Bad Request: BUTTON_DATA_INVALID"
    );
    assert_eq!(
        refusal(
            &rig,
            key(json!({"text": "A", "callback_data": "é".repeat(32)}))
        )
        .await,
        "ok"
    );
    for url in [
        "http://127.0.0.1:8787/o/1",
        "http://localhost/x",
        "https://[::1]/",
    ] {
        let link = key(json!({"text": "A", "url": url}));
        assert_eq!(refusal(&rig, link).await, "Bad Request: BUTTON_URL_INVALID");
    }
    let both = key(json!({"text": "A", "url": "https://x.id", "callback_data": "a"}));
    assert!(refusal(&rig, both).await.starts_with("Bad Request: BUTTON"));
    let (status, answer) = rig
        .post("/sandbox/api.telegram.org/bot2:x/getMe", json!({}))
        .await;
    assert_eq!(
        (status, &answer["description"]),
        (401, &json!("Unauthorized"))
    );
    assert_eq!(api(&rig, "sendNothing", json!({})).await.0, 404);
    assert_eq!(
        rig.get("/sandbox/api.telegram.org/bot1:demo/getMe").await.1["result"]["username"],
        "demo_bot"
    );
}

#[tokio::test]
async fn a_press_finds_its_button_by_label() {
    let rig = started().await;
    let keyboard = json!({"inline_keyboard": [
        [{"text": "Pay now", "callback_data": "p"}, {"text": "Pay later", "callback_data": "l"}],
        [{"text": "Book Now 🙂", "callback_data": "b"}, {"text": "Page", "url": "https://x.id/a"}],
    ]});
    let (_, sent) = api(
        &rig,
        "sendMessage",
        json!({"chat_id": 7, "text": "A", "reply_markup": keyboard}),
    )
    .await;
    api(
        &rig,
        "sendMessage",
        json!({"chat_id": 7, "text": "no buttons"}),
    )
    .await;
    let press = |body| rig.post("/sandbox/telegram/demo/chats/7/press", body);
    assert_eq!(press(json!({"button": "Book Now"})).await.0, 200);
    let (status, answer) = press(json!({"button": "Pay"})).await;
    assert_eq!(
        (status, answer["buttons"].as_array().unwrap().len()),
        (404, 4)
    );
    assert_eq!(
        press(json!({"button": "Page"})).await,
        (200, json!({"url": "https://x.id/a"}))
    );
    assert_eq!(press(json!({"data": "any"})).await.0, 200);
    let heard = rig.hook.bodies();
    assert_eq!(heard.len(), 3);
    assert_eq!(heard[1]["callback_query"]["data"], "b");
    assert_eq!(
        heard[1]["callback_query"]["message"]["message_id"],
        sent["result"]["message_id"]
    );
    assert_eq!(heard[2]["callback_query"]["data"], "any");
    assert_eq!(
        heard[2]["update_id"].as_i64().unwrap(),
        heard[0]["update_id"].as_i64().unwrap() + 2
    );
    let query = json!({"callback_query_id": heard[1]["callback_query"]["id"]});
    assert_eq!(api(&rig, "answerCallbackQuery", query.clone()).await.0, 200);
    rig.advance(151);
    assert_eq!(api(&rig, "answerCallbackQuery", query).await.0, 400);
    let (_, chat) = rig.get(CHAT).await;
    assert_eq!(
        chat["messages"][1]["buttons"][1][1],
        json!({"text": "Page", "url": "https://x.id/a"})
    );
    assert_eq!(
        rig.get("/sandbox/telegram/demo/chats/99").await.1,
        json!({"messages": []})
    );
    assert_eq!(rig.get("/sandbox/telegram/no/chats/99").await.0, 404);
}

#[tokio::test]
async fn the_customers_own_keyboard_shares_their_number_until_it_is_given_back() {
    let rig = started().await;
    let share = json!({"text": "Bagikan nomor", "request_contact": true});
    let keyboard = json!({"keyboard": [[share], ["Nanti saja"]], "one_time_keyboard": true});
    let message = |markup: &Value| json!({"chat_id": 7, "text": "A", "reply_markup": markup});
    let (_, sent) = api(&rig, "sendMessage", message(&keyboard)).await;
    assert_eq!(sent["result"]["reply_markup"], Value::Null);
    let (_, chat) = rig.get(CHAT).await;
    assert_eq!(
        chat["messages"][1]["buttons"],
        json!([[{"text": "Bagikan nomor", "contact": true}], [{"text": "Nanti saja"}]])
    );
    let press = |button: &str| {
        let body = json!({"button": button});
        let rig = &rig;
        async move { rig.post(&format!("{CHAT}/press"), body).await.0 }
    };
    assert_eq!(press("Bagikan").await, 200);
    assert_eq!(press("Nanti saja").await, 200);
    assert_eq!(press("Halo").await, 404);
    let share = |body: Value| rig.post("/sandbox/telegram/demo/chats/7/contact", body);
    share(json!({"phone": "+62 811-1", "user_id": 9})).await;
    share(json!({"phone": "+62812", "user_id": null})).await;
    share(json!({"phone": "+62811"})).await;
    share(json!({})).await;
    let heard = rig.hook.bodies();
    let card = |nth: usize| heard[nth]["message"]["contact"].clone();
    let own = json!({"phone_number": "6281300000007", "first_name": "Budi", "user_id": 7});
    assert_eq!(card(1), own);
    assert_eq!(heard[1]["message"]["text"], Value::Null);
    assert_eq!(heard[2]["message"]["text"], "Nanti saja");
    assert_eq!(card(3)["user_id"], 9);
    assert_eq!(card(3)["phone_number"], "+62 811-1");
    assert_eq!(card(4)["user_id"], Value::Null);
    assert_eq!(card(5)["user_id"], 7);
    assert_eq!(
        card(6)["phone_number"],
        "+62811",
        "the number that was told"
    );

    let edit = json!({"chat_id": 7, "message_id": 2, "text": "B", "reply_markup": keyboard});
    let (status, answer) = api(&rig, "editMessageText", edit).await;
    assert_eq!(
        (status, answer["description"].as_str()),
        (400, Some("Bad Request: inline keyboard expected"))
    );
    let under = key(json!({"text": "Bayar", "callback_data": "b"}));
    let under = message(&under["reply_markup"]);
    assert_eq!(api(&rig, "sendMessage", under).await.0, 200);
    for label in ["Bayar", "Nanti saja"] {
        assert_eq!(press(label).await, 200, "both stand beside each other");
    }
    let removed = json!({"remove_keyboard": true});
    assert_eq!(api(&rig, "sendMessage", message(&removed)).await.0, 200);
    assert_eq!(press("Bagikan").await, 404);
}

#[tokio::test]
async fn an_edit_must_change_something() {
    let rig = started().await;
    api(&rig, "sendMessage", json!({"chat_id": 7, "text": "A"})).await;
    let edit = |id, text| json!({"chat_id": 7, "message_id": id, "text": text});
    let said = |answer: (u16, Value)| answer.1["description"].as_str().unwrap_or("ok").to_owned();
    assert!(
        said(api(&rig, "editMessageText", edit(2, "A")).await).contains("message is not modified")
    );
    assert_eq!(said(api(&rig, "editMessageText", edit(2, "B")).await), "ok");
    assert!(
        said(api(&rig, "editMessageText", edit(3, "B")).await)
            .contains("message to edit not found")
    );
    assert!(said(api(&rig, "editMessageText", edit(1, "B")).await).contains("can't be edited"));
}

#[tokio::test]
async fn an_update_is_retried_with_growing_pauses_and_blocks_only_its_lane() {
    let rig = started().await;
    rig.hook.answers(500, 3);
    let text = |text: &str| rig.post("/sandbox/telegram/demo/chats/7/text", json!({"text": text}));
    assert_eq!(text("one").await.1["status"], 500);
    assert_eq!(text("two").await.1["status"], Value::Null);
    let (_, info) = api(&rig, "getWebhookInfo", json!({})).await;
    assert_eq!(info["result"]["pending_update_count"], 2);
    assert_eq!(
        info["result"]["last_error_message"],
        "Wrong response from the webhook: 500 Internal Server Error"
    );
    let pause = |rig: &Rig| {
        rig.sandbox.next_due().unwrap().as_millisecond() - rig.sandbox.0.clock.now_millis()
    };
    assert!((1..=1000).contains(&pause(&rig)));
    rig.sandbox.run_due().await;
    assert_eq!(rig.hook.bodies().len(), 3, "not due yet");
    rig.advance(1);
    rig.sandbox.run_due().await;
    assert!(
        (1001..=2000).contains(&pause(&rig)),
        "the third failure waits two seconds"
    );
    rig.advance(2);
    rig.sandbox.run_due().await;
    let heard = rig.hook.bodies();
    let texts: Vec<&str> = heard
        .iter()
        .map(|body| body["message"]["text"].as_str().unwrap())
        .collect();
    assert_eq!(texts, ["/start x", "one", "one", "one", "one", "two"]);
    assert_eq!(heard[1]["update_id"], heard[4]["update_id"]);
    let secret = rig.hook.heard.lock().unwrap()[0].0["x-telegram-bot-api-secret-token"].clone();
    assert_eq!(secret, "s_e-cret");
    assert_eq!((rig.sandbox.next_due(), rig.sandbox.in_flight()), (None, 0));
}

#[tokio::test]
async fn a_method_in_the_reply_is_executed() {
    let rig = started().await;
    let call = json!({"method": "sendMessage", "chat_id": 7, "text": "from the reply"});
    rig.hook
        .answers
        .lock()
        .unwrap()
        .push_back((200, call.to_string()));
    rig.post(&format!("{CHAT}/text"), json!({"text": "x"}))
        .await;
    let (_, chat) = rig.get(CHAT).await;
    assert_eq!(chat["messages"][2]["text"], "from the reply");
}

#[tokio::test]
async fn a_deep_link_leads_to_the_playground() {
    let rig = Rig::new().await;
    let request = axum::http::Request::get("/sandbox/t.me/demo_bot?start=a_b-1")
        .body(axum::body::Body::empty());
    let (status, headers, _) = rig.raw(request.unwrap()).await;
    assert_eq!(
        (status.as_u16(), &headers["location"]),
        (303, &"/sandbox?bot=demo_bot&start=a_b-1".parse().unwrap())
    );
}

#[tokio::test]
async fn the_state_survives_a_restart() {
    let file = std::env::temp_dir().join(format!("pesan-sandbox-{}.json", crate::fresh_id()));
    let rig = Rig::with_file(Some(file.clone())).await;
    rig.post(&format!("{CHAT}/text"), json!({"text": "kept"}))
        .await;
    let again = Rig::with_file(Some(file.clone())).await;
    assert_eq!(again.get(CHAT).await.1["messages"][0]["text"], "kept");
    std::fs::remove_file(file).unwrap();
}
